define hidden fastcc i32 @if(ptr noundef nonnull align 16 dereferenceable(240) "wabi-vmctx" %0, i32 %1) {
entry:
  %2 = alloca i32, align 4
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %2, align 4
  %4 = load i32, ptr %2, align 4
  %5 = icmp ne i32 %4, 0
  br i1 %5, label %6, label %7

6:                                                ; preds = %3
  br label %8

7:                                                ; preds = %3
  br label %8

8:                                                ; preds = %7, %6
  %9 = phi i32 [ 1, %6 ], [ 2, %7 ]
  br label %10

10:                                               ; preds = %8
  %11 = phi i32 [ %9, %8 ]
  ret i32 %11
}

define hidden fastcc i32 @loop(ptr noundef nonnull align 16 dereferenceable(240) "wabi-vmctx" %0, i32 %1) {
entry:
  %2 = alloca i32, align 4
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %2, align 4
  br label %4

4:                                                ; preds = %4, %3
  %5 = load i32, ptr %2, align 4
  %6 = sub i32 %5, 1
  store i32 %6, ptr %2, align 4
  %7 = load i32, ptr %2, align 4
  %8 = icmp ne i32 %7, 0
  br i1 %8, label %4, label %9

9:                                                ; preds = %4
  %10 = load i32, ptr %2, align 4
  br label %11

11:                                               ; preds = %9
  %12 = phi i32 [ %10, %9 ]
  ret i32 %12
}

define hidden fastcc i32 @table(ptr noundef nonnull align 16 dereferenceable(240) "wabi-vmctx" %0, i32 %1) {
entry:
  %2 = alloca i32, align 4
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %2, align 4
  %4 = load i32, ptr %2, align 4
  switch i32 %4, label %5 [
    i32 0, label %5
    i32 1, label %6
  ]

5:                                                ; preds = %3, %3
  br label %7

6:                                                ; preds = %3
  br label %7

7:                                                ; preds = %6, %5
  %8 = phi i32 [ 3, %5 ], [ 4, %6 ]
  ret i32 %8
}

define hidden fastcc i32 @dead(ptr noundef nonnull align 16 dereferenceable(240) "wabi-vmctx" %0) {
entry:
  br label %1

1:                                                ; preds = %entry
  call void @llvm.sideeffect()
  br label %2

2:                                                ; preds = %1
  %3 = phi i32 [ 1, %1 ]
  ret i32 %3
}

define hidden void @wabi.from_host.0(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load i32, ptr %2, align 16
  %5 = call fastcc i32 %1(ptr %0, i32 %4)
  store i32 %5, ptr %2, align 16
  ret void
}

define hidden fastcc i32 @wabi.to_host.0(ptr %0, i32 %1) {
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

define hidden i32 @wabi.typed_from_host.0(ptr %0, i32 %1) {
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

define hidden fastcc i32 @wabi.typed_to_host.0(ptr %0, i32 %1) {
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

define hidden void @wabi.from_host.1(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = call fastcc i32 %1(ptr %0)
  store i32 %4, ptr %2, align 16
  ret void
}

define hidden fastcc i32 @wabi.to_host.1(ptr %0) {
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
  %6 = load i32, ptr %vals, align 16
  ret i32 %6
}

define hidden i32 @wabi.typed_from_host.1(ptr %0) {
entry:
  br label %1

1:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %2 = load ptr, ptr %0, align 8
  %3 = getelementptr i8, ptr %0, i64 8
  %4 = load ptr, ptr %3, align 8
  %5 = call fastcc i32 %2(ptr %4)
  ret i32 %5
}

define hidden fastcc i32 @wabi.typed_to_host.1(ptr %0) {
entry:
  br label %1

1:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %2 = load ptr, ptr %0, align 8
  %3 = getelementptr i8, ptr %2, i64 128
  %4 = load ptr, ptr %3, align 8
  %5 = tail call i32 %4(ptr %0, ptr undef)
  ret i32 %5
}

define hidden void @wabi.gone() {
  call void @llvm.trap()
  unreachable
}
