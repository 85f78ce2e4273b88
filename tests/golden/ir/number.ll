define hidden fastcc i32 @div(ptr noundef nonnull align 16 dereferenceable(336) "wabi-vmctx" %0, i32 %1, i32 %2) {
entry:
  %3 = alloca i32, align 4
  %4 = alloca i32, align 4
  br label %5

5:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %3, align 4
  store i32 %2, ptr %4, align 4
  %6 = load i32, ptr %3, align 4
  %7 = load i32, ptr %4, align 4
  %8 = icmp eq i32 %7, 0
  br i1 %8, label %trap, label %9

trap:                                             ; preds = %5
  call void @wabi.trap(ptr %0, i32 2)
  unreachable

9:                                                ; preds = %5
  %10 = icmp eq i32 %6, -2147483648
  %11 = icmp eq i32 %7, -1
  %12 = and i1 %10, %11
  br i1 %12, label %trap1, label %13

trap1:                                            ; preds = %9
  call void @wabi.trap(ptr %0, i32 3)
  unreachable

13:                                               ; preds = %9
  %14 = sdiv i32 %6, %7
  br label %15

15:                                               ; preds = %13
  %16 = phi i32 [ %14, %13 ]
  ret i32 %16
}

define internal void @wabi.trap(ptr %0, i32 %1) {
entry:
  %2 = load ptr, ptr %0, align 8
  %3 = load ptr, ptr %2, align 8
  musttail call void %3(ptr %0, i32 %1)
  ret void
}

define hidden fastcc i64 @rem(ptr noundef nonnull align 16 dereferenceable(336) "wabi-vmctx" %0, i64 %1, i64 %2) {
entry:
  %3 = alloca i64, align 8
  %4 = alloca i64, align 8
  br label %5

5:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i64 %1, ptr %3, align 8
  store i64 %2, ptr %4, align 8
  %6 = load i64, ptr %3, align 8
  %7 = load i64, ptr %4, align 8
  %8 = icmp eq i64 %7, 0
  br i1 %8, label %trap, label %9

trap:                                             ; preds = %5
  call void @wabi.trap(ptr %0, i32 2)
  unreachable

9:                                                ; preds = %5
  %10 = icmp eq i64 %7, -1
  %11 = select i1 %10, i64 1, i64 %7
  %12 = srem i64 %6, %11
  br label %13

13:                                               ; preds = %9
  %14 = phi i64 [ %12, %9 ]
  ret i64 %14
}

define hidden fastcc i32 @shl(ptr noundef nonnull align 16 dereferenceable(336) "wabi-vmctx" %0, i32 %1, i32 %2) {
entry:
  %3 = alloca i32, align 4
  %4 = alloca i32, align 4
  br label %5

5:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %3, align 4
  store i32 %2, ptr %4, align 4
  %6 = load i32, ptr %3, align 4
  %7 = load i32, ptr %4, align 4
  %8 = and i32 %7, 31
  %9 = shl i32 %6, %8
  br label %10

10:                                               ; preds = %5
  %11 = phi i32 [ %9, %5 ]
  ret i32 %11
}

define hidden fastcc i32 @trunc.3(ptr noundef nonnull align 16 dereferenceable(336) "wabi-vmctx" %0, double %1) {
entry:
  %2 = alloca double, align 8
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store double %1, ptr %2, align 8
  %4 = load double, ptr %2, align 8
  %5 = fcmp ogt double %4, 0xC1E0000000200000
  %6 = fcmp olt double %4, 0x41E0000000000000
  %7 = and i1 %5, %6
  br i1 %7, label %10, label %trap

trap:                                             ; preds = %3
  %8 = fcmp uno double %4, %4
  %9 = select i1 %8, i32 4, i32 3
  call void @wabi.trap(ptr %0, i32 %9)
  unreachable

10:                                               ; preds = %3
  %11 = fptosi double %4 to i32
  br label %12

12:                                               ; preds = %10
  %13 = phi i32 [ %11, %10 ]
  ret i32 %13
}

define hidden fastcc float @quiet(ptr noundef nonnull align 16 dereferenceable(336) "wabi-vmctx" %0, float %1) {
entry:
  %2 = alloca float, align 4
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store float %1, ptr %2, align 4
  %4 = load float, ptr %2, align 4
  %5 = call float @llvm.arithmetic.fence.f32(float 1.000000e+00)
  %6 = fmul float %4, %5
  br label %7

7:                                                ; preds = %3
  %8 = phi float [ %6, %3 ]
  ret float %8
}

define hidden fastcc double @min(ptr noundef nonnull align 16 dereferenceable(336) "wabi-vmctx" %0, double %1, double %2) {
entry:
  %3 = alloca double, align 8
  %4 = alloca double, align 8
  br label %5

5:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store double %1, ptr %3, align 8
  store double %2, ptr %4, align 8
  %6 = load double, ptr %3, align 8
  %7 = load double, ptr %4, align 8
  %8 = fadd double %6, %7
  %9 = fcmp olt double %6, %7
  %10 = select i1 %9, double %6, double %7
  %11 = fcmp olt double %7, %6
  %12 = select i1 %11, double %7, double %6
  %13 = fcmp uno double %6, %7
  %14 = bitcast double %10 to i64
  %15 = bitcast double %12 to i64
  %16 = or i64 %14, %15
  %17 = bitcast i64 %16 to double
  %18 = select i1 %13, double %8, double %17
  br label %19

19:                                               ; preds = %5
  %20 = phi double [ %18, %5 ]
  ret double %20
}

define hidden void @wabi.from_host.0(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load i32, ptr %2, align 16
  %5 = getelementptr i8, ptr %2, i64 16
  %6 = load i32, ptr %5, align 16
  %7 = call fastcc i32 %1(ptr %0, i32 %4, i32 %6)
  store i32 %7, ptr %2, align 16
  ret void
}

define hidden fastcc i32 @wabi.to_host.0(ptr %0, i32 %1, i32 %2) {
entry:
  %vals = alloca [2 x <2 x i64>], align 16
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i32 %1, ptr %vals, align 16
  %4 = getelementptr i8, ptr %vals, i64 16
  store i32 %2, ptr %4, align 16
  %5 = getelementptr i8, ptr %0, i64 64
  %6 = load ptr, ptr %0, align 8
  %7 = getelementptr i8, ptr %6, i64 8
  %8 = load ptr, ptr %7, align 8
  call void %8(ptr %0, ptr %5, ptr %vals)
  %9 = load i32, ptr %vals, align 16
  ret i32 %9
}

define hidden i32 @wabi.typed_from_host.0(ptr %0, i32 %1, i32 %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load ptr, ptr %0, align 8
  %5 = getelementptr i8, ptr %0, i64 8
  %6 = load ptr, ptr %5, align 8
  %7 = call fastcc i32 %4(ptr %6, i32 %1, i32 %2)
  ret i32 %7
}

define hidden fastcc i32 @wabi.typed_to_host.0(ptr %0, i32 %1, i32 %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load ptr, ptr %0, align 8
  %5 = getelementptr i8, ptr %4, i64 128
  %6 = load ptr, ptr %5, align 8
  %7 = tail call i32 %6(ptr %0, ptr undef, i32 %1, i32 %2)
  ret i32 %7
}

define hidden void @wabi.from_host.1(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load i64, ptr %2, align 16
  %5 = getelementptr i8, ptr %2, i64 16
  %6 = load i64, ptr %5, align 16
  %7 = call fastcc i64 %1(ptr %0, i64 %4, i64 %6)
  store i64 %7, ptr %2, align 16
  ret void
}

define hidden fastcc i64 @wabi.to_host.1(ptr %0, i64 %1, i64 %2) {
entry:
  %vals = alloca [2 x <2 x i64>], align 16
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store i64 %1, ptr %vals, align 16
  %4 = getelementptr i8, ptr %vals, i64 16
  store i64 %2, ptr %4, align 16
  %5 = getelementptr i8, ptr %0, i64 64
  %6 = load ptr, ptr %0, align 8
  %7 = getelementptr i8, ptr %6, i64 8
  %8 = load ptr, ptr %7, align 8
  call void %8(ptr %0, ptr %5, ptr %vals)
  %9 = load i64, ptr %vals, align 16
  ret i64 %9
}

define hidden i64 @wabi.typed_from_host.1(ptr %0, i64 %1, i64 %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load ptr, ptr %0, align 8
  %5 = getelementptr i8, ptr %0, i64 8
  %6 = load ptr, ptr %5, align 8
  %7 = call fastcc i64 %4(ptr %6, i64 %1, i64 %2)
  ret i64 %7
}

define hidden fastcc i64 @wabi.typed_to_host.1(ptr %0, i64 %1, i64 %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load ptr, ptr %0, align 8
  %5 = getelementptr i8, ptr %4, i64 128
  %6 = load ptr, ptr %5, align 8
  %7 = tail call i64 %6(ptr %0, ptr undef, i64 %1, i64 %2)
  ret i64 %7
}

define hidden void @wabi.from_host.2(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load double, ptr %2, align 16
  %5 = call fastcc i32 %1(ptr %0, double %4)
  store i32 %5, ptr %2, align 16
  ret void
}

define hidden fastcc i32 @wabi.to_host.2(ptr %0, double %1) {
entry:
  %vals = alloca [1 x <2 x i64>], align 16
  br label %2

2:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store double %1, ptr %vals, align 16
  %3 = getelementptr i8, ptr %0, i64 64
  %4 = load ptr, ptr %0, align 8
  %5 = getelementptr i8, ptr %4, i64 8
  %6 = load ptr, ptr %5, align 8
  call void %6(ptr %0, ptr %3, ptr %vals)
  %7 = load i32, ptr %vals, align 16
  ret i32 %7
}

define hidden i32 @wabi.typed_from_host.2(ptr %0, double %1) {
entry:
  br label %2

2:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %3 = load ptr, ptr %0, align 8
  %4 = getelementptr i8, ptr %0, i64 8
  %5 = load ptr, ptr %4, align 8
  %6 = call fastcc i32 %3(ptr %5, double %1)
  ret i32 %6
}

define hidden fastcc i32 @wabi.typed_to_host.2(ptr %0, double %1) {
entry:
  br label %2

2:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %3 = load ptr, ptr %0, align 8
  %4 = getelementptr i8, ptr %3, i64 128
  %5 = load ptr, ptr %4, align 8
  %6 = tail call i32 %5(ptr %0, ptr undef, double %1)
  ret i32 %6
}

define hidden void @wabi.from_host.3(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load float, ptr %2, align 16
  %5 = call fastcc float %1(ptr %0, float %4)
  store float %5, ptr %2, align 16
  ret void
}

define hidden fastcc float @wabi.to_host.3(ptr %0, float %1) {
entry:
  %vals = alloca [1 x <2 x i64>], align 16
  br label %2

2:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store float %1, ptr %vals, align 16
  %3 = getelementptr i8, ptr %0, i64 64
  %4 = load ptr, ptr %0, align 8
  %5 = getelementptr i8, ptr %4, i64 8
  %6 = load ptr, ptr %5, align 8
  call void %6(ptr %0, ptr %3, ptr %vals)
  %7 = load float, ptr %vals, align 16
  ret float %7
}

define hidden float @wabi.typed_from_host.3(ptr %0, float %1) {
entry:
  br label %2

2:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %3 = load ptr, ptr %0, align 8
  %4 = getelementptr i8, ptr %0, i64 8
  %5 = load ptr, ptr %4, align 8
  %6 = call fastcc float %3(ptr %5, float %1)
  ret float %6
}

define hidden fastcc float @wabi.typed_to_host.3(ptr %0, float %1) {
entry:
  br label %2

2:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %3 = load ptr, ptr %0, align 8
  %4 = getelementptr i8, ptr %3, i64 128
  %5 = load ptr, ptr %4, align 8
  %6 = tail call float %5(ptr %0, ptr undef, float %1)
  ret float %6
}

define hidden void @wabi.from_host.4(ptr %0, ptr %1, ptr %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load double, ptr %2, align 16
  %5 = getelementptr i8, ptr %2, i64 16
  %6 = load double, ptr %5, align 16
  %7 = call fastcc double %1(ptr %0, double %4, double %6)
  store double %7, ptr %2, align 16
  ret void
}

define hidden fastcc double @wabi.to_host.4(ptr %0, double %1, double %2) {
entry:
  %vals = alloca [2 x <2 x i64>], align 16
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  store double %1, ptr %vals, align 16
  %4 = getelementptr i8, ptr %vals, i64 16
  store double %2, ptr %4, align 16
  %5 = getelementptr i8, ptr %0, i64 64
  %6 = load ptr, ptr %0, align 8
  %7 = getelementptr i8, ptr %6, i64 8
  %8 = load ptr, ptr %7, align 8
  call void %8(ptr %0, ptr %5, ptr %vals)
  %9 = load double, ptr %vals, align 16
  ret double %9
}

define hidden double @wabi.typed_from_host.4(ptr %0, double %1, double %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load ptr, ptr %0, align 8
  %5 = getelementptr i8, ptr %0, i64 8
  %6 = load ptr, ptr %5, align 8
  %7 = call fastcc double %4(ptr %6, double %1, double %2)
  ret double %7
}

define hidden fastcc double @wabi.typed_to_host.4(ptr %0, double %1, double %2) {
entry:
  br label %3

3:                                                ; preds = %entry
  call void @llvm.sideeffect()
  %4 = load ptr, ptr %0, align 8
  %5 = getelementptr i8, ptr %4, i64 128
  %6 = load ptr, ptr %5, align 8
  %7 = tail call double %6(ptr %0, ptr undef, double %1, double %2)
  ret double %7
}

define hidden void @wabi.gone() {
  call void @llvm.trap()
  unreachable
}
