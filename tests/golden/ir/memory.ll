define hidden fastcc i64 @load(ptr noundef nonnull align 16 dereferenceable(256) "wabi-vmctx" %0, i32 %1) {
entry:
  %2 = alloca i32, align 4
  %3 = getelementptr i8, ptr %0, i64 64
  %4 = load ptr, ptr %3, align 8
  br label %5

5:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %2, align 4
  %6 = load i32, ptr %2, align 4
  %7 = zext i32 %6 to i64
  %8 = getelementptr i8, ptr %4, i64 %7
  %9 = getelementptr i8, ptr %8, i64 8
  %10 = load volatile i16, ptr %9, align 1
  %11 = sext i16 %10 to i64
  br label %12

12:                                               ; preds = %5
  %13 = phi i64 [ %11, %5 ]
  ret i64 %13
}

define hidden fastcc void @store(ptr noundef nonnull align 16 dereferenceable(256) "wabi-vmctx" %0, i32 %1, float %2) {
entry:
  %3 = alloca i32, align 4
  %4 = alloca float, align 4
  %5 = getelementptr i8, ptr %0, i64 64
  %6 = load ptr, ptr %5, align 8
  br label %7

7:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %3, align 4
  store float %2, ptr %4, align 4
  %8 = load i32, ptr %3, align 4
  %9 = load float, ptr %4, align 4
  %10 = zext i32 %8 to i64
  %11 = getelementptr i8, ptr %6, i64 %10
  store float %9, ptr %11, align 1
  br label %12

12:                                               ; preds = %7
  ret void
}

define hidden fastcc i32 @far(ptr noundef nonnull align 16 dereferenceable(256) "wabi-vmctx" %0, i32 %1) {
entry:
  %2 = alloca i32, align 4
  %3 = getelementptr i8, ptr %0, i64 64
  %4 = load ptr, ptr %3, align 8
  br label %5

5:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %2, align 4
  %6 = load i32, ptr %2, align 4
  %7 = zext i32 %6 to i64
  %8 = getelementptr i8, ptr %0, i64 72
  %9 = load ptr, ptr %8, align 8
  %10 = getelementptr i8, ptr %9, i64 8
  %11 = load i64, ptr %10, align 8
  %12 = sub i64 %11, 1073741828
  %13 = icmp uge i64 %11, 1073741828
  %14 = icmp ule i64 %7, %12
  %15 = and i1 %13, %14
  %16 = sext i1 %15 to i64
  %17 = call i64 asm "", "=r,0"(i64 %16)
  %18 = xor i1 %15, true
  br i1 %18, label %trap, label %19

trap:                                             ; preds = %5
  call void @wabi.trap(ptr %0, i32 5)
  unreachable

19:                                               ; preds = %5
  %20 = add i64 %7, 1073741824
  %21 = and i64 %20, %17
  %22 = getelementptr i8, ptr %4, i64 %21
  %23 = load volatile i32, ptr %22, align 1
  br label %24

24:                                               ; preds = %19
  %25 = phi i32 [ %23, %19 ]
  ret i32 %25
}

define internal void @wabi.trap(ptr %0, i32 %1) {
entry:
  %2 = load ptr, ptr %0, align 8
  %3 = load ptr, ptr %2, align 8
  musttail call void %3(ptr %0, i32 %1)
  ret void
}

define hidden fastcc i32 @grow(ptr noundef nonnull align 16 dereferenceable(256) "wabi-vmctx" %0, i32 %1) {
entry:
  %2 = alloca i32, align 4
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %2, align 4
  %4 = getelementptr i8, ptr %0, i64 72
  %5 = load ptr, ptr %4, align 8
  %6 = getelementptr i8, ptr %5, i64 16
  %7 = load i64, ptr %6, align 8
  %8 = trunc i64 %7 to i32
  %9 = load i32, ptr %2, align 4
  %10 = zext i32 %9 to i64
  %11 = load ptr, ptr %0, align 8
  %12 = getelementptr i8, ptr %11, i64 16
  %13 = load ptr, ptr %12, align 8
  %14 = call i64 %13(ptr %0, i32 0, i64 %10)
  %15 = trunc i64 %14 to i32
  br label %16

16:                                               ; preds = %3
  %17 = phi i32 [ %15, %3 ]
  ret i32 %17
}

define hidden void @wabi.from_host.0(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load i32, ptr %2, align 16
  %5 = call fastcc i64 %1(ptr %0, i32 %4)
  store i64 %5, ptr %2, align 16
  ret void
}

define hidden fastcc i64 @wabi.to_host.0(ptr %0, i32 %1) {
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
  %7 = load i64, ptr %vals, align 16
  ret i64 %7
}

define hidden i64 @wabi.typed_from_host.0(ptr %0, i32 %1) {
entry:
  br label %2

2:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %3 = load ptr, ptr %0, align 8
  %4 = getelementptr i8, ptr %0, i64 8
  %5 = load ptr, ptr %4, align 8
  %6 = call fastcc i64 %3(ptr %5, i32 %1)
  ret i64 %6
}

define hidden fastcc i64 @wabi.typed_to_host.0(ptr %0, i32 %1) {
entry:
  br label %2

2:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %3 = load ptr, ptr %0, align 8
  %4 = getelementptr i8, ptr %3, i64 128
  %5 = load ptr, ptr %4, align 8
  %6 = tail call i64 %5(ptr %0, ptr undef, i32 %1)
  ret i64 %6
}

define hidden void @wabi.from_host.1(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load i32, ptr %2, align 16
  %5 = getelementptr i8, ptr %2, i64 16
  %6 = load float, ptr %5, align 16
  call fastcc void %1(ptr %0, i32 %4, float %6)
  ret void
}

define hidden fastcc void @wabi.to_host.1(ptr %0, i32 %1, float %2) {
entry:
  %vals = alloca [2 x <2 x i64>], align 16
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %vals, align 16
  %4 = getelementptr i8, ptr %vals, i64 16
  store float %2, ptr %4, align 16
  %5 = getelementptr i8, ptr %0, i64 64
  %6 = load ptr, ptr %0, align 8
  %7 = getelementptr i8, ptr %6, i64 8
  %8 = load ptr, ptr %7, align 8
  call void %8(ptr %0, ptr %5, ptr %vals)
  ret void
}

define hidden void @wabi.typed_from_host.1(ptr %0, i32 %1, float %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load ptr, ptr %0, align 8
  %5 = getelementptr i8, ptr %0, i64 8
  %6 = load ptr, ptr %5, align 8
  call fastcc void %4(ptr %6, i32 %1, float %2)
  ret void
}

define hidden fastcc void @wabi.typed_to_host.1(ptr %0, i32 %1, float %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load ptr, ptr %0, align 8
  %5 = getelementptr i8, ptr %4, i64 128
  %6 = load ptr, ptr %5, align 8
  tail call void %6(ptr %0, ptr undef, i32 %1, float %2)
  ret void
}

define hidden void @wabi.from_host.2(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load i32, ptr %2, align 16
  %5 = call fastcc i32 %1(ptr %0, i32 %4)
  store i32 %5, ptr %2, align 16
  ret void
}

define hidden fastcc i32 @wabi.to_host.2(ptr %0, i32 %1) {
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

define hidden i32 @wabi.typed_from_host.2(ptr %0, i32 %1) {
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

define hidden fastcc i32 @wabi.typed_to_host.2(ptr %0, i32 %1) {
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

define hidden void @wabi.gone() {
  call void @llvm.trap()
  unreachable
}
