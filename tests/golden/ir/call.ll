@wabi.table.0 = internal constant [8 x i32] [i32 trunc (i64 sub (i64 ptrtoint (ptr @two to i64), i64 ptrtoint (ptr @wabi.table.0 to i64)) to i32), i32 1, i32 0, i32 0, i32 0, i32 0, i32 0, i32 0], align 8

define hidden fastcc void @two(ptr noundef nonnull align 16 dereferenceable(368) "wabi-vmctx" %0, i32 %1, ptr %2) {
entry:
  %3 = alloca i32, align 4
  br label %4

4:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %3, align 4
  %5 = load i32, ptr %3, align 4
  br label %6

6:                                                ; preds = %4
  %7 = phi i32 [ %5, %4 ]
  %8 = phi i64 [ 1, %4 ]
  store i32 %7, ptr %2, align 16
  %9 = getelementptr i8, ptr %2, i64 16
  store i64 %8, ptr %9, align 16
  ret void
}

define hidden fastcc i32 @import(ptr noundef nonnull align 16 dereferenceable(368) "wabi-vmctx" %0, i32 %1) {
entry:
  %2 = alloca i32, align 4
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %2, align 4
  %4 = load i32, ptr %2, align 4
  %5 = getelementptr i8, ptr %0, i64 112
  %6 = load ptr, ptr %5, align 8
  %7 = getelementptr i8, ptr %0, i64 120
  %8 = load ptr, ptr %7, align 8
  %9 = call fastcc i32 %6(ptr %8, i32 %4)
  br label %10

10:                                               ; preds = %3
  %11 = phi i32 [ %9, %3 ]
  ret i32 %11
}

define hidden fastcc i64 @two.3(ptr noundef nonnull align 16 dereferenceable(368) "wabi-vmctx" %0) {
entry:
  %results = alloca [2 x <2 x i64>], align 16
  br label %1

1:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %2 = getelementptr i8, ptr %0, i64 64
  %3 = load ptr, ptr %2, align 8
  %4 = load i32, ptr %3, align 4
  call fastcc void @two(ptr %0, i32 %4, ptr %results)
  %5 = load i32, ptr %results, align 16
  %6 = getelementptr i8, ptr %results, i64 16
  %7 = load i64, ptr %6, align 16
  %8 = getelementptr i8, ptr %0, i64 80
  store i64 %7, ptr %8, align 8
  %9 = getelementptr i8, ptr %0, i64 80
  %10 = load i64, ptr %9, align 8
  br label %11

11:                                               ; preds = %1
  %12 = phi i64 [ %10, %1 ]
  ret i64 %12
}

define hidden fastcc i32 @indirect(ptr noundef nonnull align 16 dereferenceable(368) "wabi-vmctx" %0, i32 %1) {
entry:
  %2 = alloca i32, align 4
  %results = alloca [2 x <2 x i64>], align 16
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %2, align 4
  %4 = load i32, ptr %2, align 4
  %5 = zext i32 %4 to i64
  %6 = icmp uge i64 %5, 4
  br i1 %6, label %trap, label %7

trap:                                             ; preds = %3
  call void @wabi.trap(ptr %0, i32 7)
  unreachable

7:                                                ; preds = %3
  %8 = mul i64 %5, 8
  %9 = getelementptr i8, ptr @wabi.table.0, i64 %8
  %10 = getelementptr i8, ptr %9, i64 4
  %11 = load i32, ptr %10, align 4
  %12 = icmp ne i32 %11, 1
  br i1 %12, label %trap1, label %15

trap1:                                            ; preds = %7
  %13 = icmp eq i32 %11, 0
  %14 = select i1 %13, i32 8, i32 9
  call void @wabi.trap(ptr %0, i32 %14)
  unreachable

15:                                               ; preds = %7
  call fastcc void @two(ptr %0, i32 1, ptr %results)
  %16 = load i32, ptr %results, align 16
  %17 = getelementptr i8, ptr %results, i64 16
  %18 = load i64, ptr %17, align 16
  br label %19

19:                                               ; preds = %15
  %20 = phi i32 [ %16, %15 ]
  ret i32 %20
}

define internal void @wabi.trap(ptr %0, i32 %1) {
entry:
  %2 = load ptr, ptr %0, align 8
  %3 = load ptr, ptr %2, align 8
  musttail call void %3(ptr %0, i32 %1)
  ret void
}

define hidden fastcc ptr @ref(ptr noundef nonnull align 16 dereferenceable(368) "wabi-vmctx" %0) {
entry:
  br label %1

1:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %2 = getelementptr i8, ptr %0, i64 160
  br label %3

3:                                                ; preds = %1
  %4 = phi ptr [ %2, %1 ]
  ret ptr %4
}

define hidden void @wabi.from_host.0(ptr %0, ptr %1, ptr %2) {
entry:
  %results = alloca [2 x <2 x i64>], align 16
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load i32, ptr %2, align 16
  call fastcc void %1(ptr %0, i32 %4, ptr %results)
  %5 = load i32, ptr %results, align 16
  %6 = getelementptr i8, ptr %results, i64 16
  %7 = load i64, ptr %6, align 16
  store i32 %5, ptr %2, align 16
  %8 = getelementptr i8, ptr %2, i64 16
  store i64 %7, ptr %8, align 16
  ret void
}

define hidden fastcc void @wabi.to_host.0(ptr %0, i32 %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %2, align 16
  %4 = getelementptr i8, ptr %0, i64 64
  %5 = load ptr, ptr %0, align 8
  %6 = getelementptr i8, ptr %5, i64 8
  %7 = load ptr, ptr %6, align 8
  call void %7(ptr %0, ptr %4, ptr %2)
  ret void
}

define hidden void @wabi.from_host.1(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load i32, ptr %2, align 16
  %5 = call fastcc i32 %1(ptr %0, i32 %4)
  store i32 %5, ptr %2, align 16
  ret void
}

define hidden fastcc i32 @wabi.to_host.1(ptr %0, i32 %1) {
entry:
  %vals = alloca [1 x <2 x i64>], align 16
  br label %2

2:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %vals, align 16
  %3 = getelementptr i8, ptr %0, i64 64
  %4 = load ptr, ptr %0, align 8
  %5 = getelementptr i8, ptr %4, i64 8
  %6 = load ptr, ptr %5, align 8
  call void %6(ptr %0, ptr %3, ptr %vals)
  %7 = load i32, ptr %vals, align 16
  ret i32 %7
}

define hidden i32 @wabi.typed_from_host.1(ptr %0, i32 %1) {
entry:
  br label %2

2:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %3 = load ptr, ptr %0, align 8
  %4 = getelementptr i8, ptr %0, i64 8
  %5 = load ptr, ptr %4, align 8
  %6 = call fastcc i32 %3(ptr %5, i32 %1)
  ret i32 %6
}

define hidden fastcc i32 @wabi.typed_to_host.1(ptr %0, i32 %1) {
entry:
  br label %2

2:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %3 = load ptr, ptr %0, align 8
  %4 = getelementptr i8, ptr %3, i64 128
  %5 = load ptr, ptr %4, align 8
  %6 = tail call i32 %5(ptr %0, ptr undef, i32 %1)
  ret i32 %6
}

define hidden void @wabi.from_host.2(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = call fastcc i64 %1(ptr %0)
  store i64 %4, ptr %2, align 16
  ret void
}

define hidden fastcc i64 @wabi.to_host.2(ptr %0) {
entry:
  %vals = alloca [1 x <2 x i64>], align 16
  br label %1

1:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %2 = getelementptr i8, ptr %0, i64 64
  %3 = load ptr, ptr %0, align 8
  %4 = getelementptr i8, ptr %3, i64 8
  %5 = load ptr, ptr %4, align 8
  call void %5(ptr %0, ptr %2, ptr %vals)
  %6 = load i64, ptr %vals, align 16
  ret i64 %6
}

define hidden i64 @wabi.typed_from_host.2(ptr %0) {
entry:
  br label %1

1:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %2 = load ptr, ptr %0, align 8
  %3 = getelementptr i8, ptr %0, i64 8
  %4 = load ptr, ptr %3, align 8
  %5 = call fastcc i64 %2(ptr %4)
  ret i64 %5
}

define hidden fastcc i64 @wabi.typed_to_host.2(ptr %0) {
entry:
  br label %1

1:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %2 = load ptr, ptr %0, align 8
  %3 = getelementptr i8, ptr %2, i64 128
  %4 = load ptr, ptr %3, align 8
  %5 = tail call i64 %4(ptr %0, ptr undef)
  ret i64 %5
}

define hidden void @wabi.from_host.3(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = call fastcc ptr %1(ptr %0)
  store ptr %4, ptr %2, align 16
  ret void
}

define hidden fastcc ptr @wabi.to_host.3(ptr %0) {
entry:
  %vals = alloca [1 x <2 x i64>], align 16
  br label %1

1:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %2 = getelementptr i8, ptr %0, i64 64
  %3 = load ptr, ptr %0, align 8
  %4 = getelementptr i8, ptr %3, i64 8
  %5 = load ptr, ptr %4, align 8
  call void %5(ptr %0, ptr %2, ptr %vals)
  %6 = load ptr, ptr %vals, align 16
  ret ptr %6
}

define hidden void @wabi.gone() {
  call void @llvm.trap()
  unreachable
}
