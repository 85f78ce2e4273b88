# wasmc and libwasmrt.  GNU make 4.3 or later; `make help` says what there is.
#
# Settings may be put in config.mk or given on the command line; `make help`
# lists them.
-include config.mk
.DEFAULT_GOAL := all

ifeq ($(origin CC),default)
CC := clang-22
endif
CLANG ?= clang-22
LLVM_CONFIG ?= llvm-config-22
PREFIX ?= /usr/local
SPEC ?= ../shared/spec
SAN ?=
CROSS ?=
FUZZ_SECONDS ?= 60
# C to wasm with wasi-libc, as Debian has it.  The linker's call of whatever
# wasm-opt is in PATH is switched off: old ones break new modules.
WASM_CC ?= $(CLANG) --target=wasm32-wasi --sysroot=/usr -Wno-deprecated \
	--no-wasm-opt

# Parallel, unless told otherwise.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
ifeq ($(MAKELEVEL)$(findstring -j,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(JOBS)
endif

comma := ,
ifneq ($(CROSS),)
VARIANT := $(CROSS)
OUT := build/$(VARIANT)
OPT ?= -O2
else ifeq ($(SAN),)
VARIANT := release
OUT := build
OPT ?= -O2
else
VARIANT := san-$(subst $(comma),-,$(SAN))
OUT := build/$(VARIANT)
OPT ?= -O1
SANFLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
# The collector looks for references on the stack: that must be the real one.
ifneq ($(findstring address,$(SAN)),)
SANFLAGS += -fsanitize-address-use-after-return=never
endif
endif
OBJ := build/$(VARIANT)/obj
BIN := $(OUT)/bin
LIB := $(OUT)/lib
TESTBIN := $(OUT)/tests
INC := build/inc

CCACHE := $(shell command -v ccache 2>/dev/null)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wvla -Wno-unused-parameter
BASE := -std=gnu11 -g $(OPT) -fPIC -fvisibility=hidden -D_GNU_SOURCE \
	$(WARN) $(SANFLAGS) -MMD -MP

# A cache of compiled parts asks for it: compiler/partcache.c.
override LDFLAGS += -Wl,--build-id

# ---- What each folder may see: links to just those headers -----------------
# The groups and their headers; see docs/ARCHITECTURE.md, "One direction".
HDR_front   := wasmc.h
HDR_back    := wasmc.h wabi.h
HDR_runtime := wasmrt.h wabi.h
HDR_wasi    := wasmrt.h wasmrt_wasi.h
HDR_public  := wasmc.h wasmrt.h wasmrt_wasi.h wasmrt_bitcode.h
HDR_all     := wasmc.h wasmrt.h wasmrt_wasi.h wabi.h
GROUPS := front back runtime wasi public all

define group_rule
INC_$(1) := $$(addprefix $(INC)/$(1)/,$$(HDR_$(1)))
$$(INC_$(1)): $(INC)/$(1)/%: include/%
	@mkdir -p $$(@D)
	@ln -sf ../../../include/$$(@F) $$@
endef
$(foreach g,$(GROUPS),$(eval $(call group_rule,$(g))))

# ---- Sources ---------------------------------------------------------------
FRONT := arena slice profile compile reader ops decode insn names validate features \
	validate_api disasm
front_src := $(wildcard $(addprefix compiler/,$(addsuffix .c,$(FRONT))) \
	compiler/decode_*.c compiler/validate_*.c compiler/merge*.c \
	compiler/profile_*.c)
back_src := $(filter-out $(front_src),$(wildcard compiler/*.c))
# CROSS=aarch64: the runtime and what runs on it, for a machine that is not this
# one.  The compiler stays here: its place is taken by one that asks it.
ifneq ($(CROSS),)
back_src := tests/$(CROSS)/wasmc_of_host.c
endif
runtime_src := $(wildcard runtime/*.c runtime/*.S)
wasi_src := $(wildcard wasi/*.c)

objs = $(patsubst %,$(OBJ)/%.o,$(1))
front_obj := $(call objs,$(front_src))
back_obj := $(call objs,$(back_src))
runtime_obj := $(call objs,$(runtime_src))
wasi_obj := $(call objs,$(wasi_src))

# Asked for once and only when used: the programs may not be there before
# `make deps`.
once = $(eval $(1) := $(shell $(2)))$($(1))
LLVM_CFLAGS = $(call once,LLVM_CFLAGS,$(LLVM_CONFIG) --cflags | \
	sed 's/-D[^ ]*//g;s/-I/-isystem /g')
LLVM_LIBS = $(call once,LLVM_LIBS,$(LLVM_CONFIG) --ldflags --libs)
BACK_CFLAGS = $(call once,BACK_CFLAGS,pkg-config --cflags libelf libcrypto)
BACK_LIBS = $(call once,BACK_LIBS,pkg-config --libs libelf libcrypto)
RT_CFLAGS = $(call once,RT_CFLAGS,pkg-config --cflags libelf libffi libcrypto)
RT_LIBS = $(call once,RT_LIBS,pkg-config --libs libelf libffi libcrypto)
back_libs = $(LLVM_LIBS) $(BACK_LIBS) -lpthread -ldl
runtime_libs = $(RT_LIBS) -lpthread -ldl

ifneq ($(CROSS),)
SYSROOT := build/$(CROSS)/sysroot
override CC := $(CLANG) --target=$(CROSS)-linux-gnu --sysroot=$(SYSROOT)
override LDFLAGS += -fuse-ld=lld
LLVM_CFLAGS :=
BACK_CFLAGS :=
RT_CFLAGS :=
RT_LIBS := -lelf -lffi -lcrypto
back_libs := -lpthread
endif

$(front_obj): FLAGS = -I$(INC)/front
$(back_obj): FLAGS = -I$(INC)/back $(LLVM_CFLAGS) $(BACK_CFLAGS)
$(runtime_obj): FLAGS = -I$(INC)/runtime $(RT_CFLAGS)
$(wasi_obj): FLAGS = -I$(INC)/wasi
$(front_obj): | $(INC_front)
$(back_obj): | $(INC_back)
$(runtime_obj): | $(INC_runtime)
$(wasi_obj): | $(INC_wasi)

.PHONY: all everything libs tools layout tests aarch64 cross deps deps-test hello \
	check check-long bless fuzz wat examples install clean help
all: deps
	@$(MAKE) --no-print-directory everything
	-@$(MAKE) --no-print-directory layout
everything: libs tools

# Nothing is asked of the network when nothing is missing.
deps:
	@tools/install-deps.sh build
deps-test:
	@tools/install-deps.sh test

hello: deps
	@$(MAKE) --no-print-directory run-hello

# ---- Objects and libraries -------------------------------------------------
$(OBJ)/%.c.o: %.c
	@mkdir -p $(@D)
	$(CCACHE) $(CC) $(BASE) $(MERGED) $(FLAGS) $(CPPFLAGS) $(CFLAGS) -c \
	    -o $@ $<
$(OBJ)/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) $(BASE) $(FLAGS) $(CPPFLAGS) $(CFLAGS) -Wa,--noexecstack -c -o $@ $<

# The runtime is optimised as a whole, and is one object then, for any linker:
# its steps are short and go through many files.  Not for sanitizers, other
# machines, other compilers; MERGE= switches it off.
MERGE ?= $(if $(SAN)$(CROSS),,$(findstring clang,$(CC)))
ifneq ($(MERGE),)
runtime_whole := $(OBJ)/runtime.o
$(runtime_obj): MERGED := -flto
$(runtime_whole): $(runtime_obj)
	$(CC) $(OPT) $(CFLAGS) -flto -fuse-ld=lld -nostdlib -r -o $@ $^
else
runtime_whole := $(runtime_obj)
endif

libs: $(LIB)/libwasmc.a $(LIB)/libwasmrt.a $(LIB)/libwasmrt_wasi.a \
	$(LIB)/libwasmc.so $(LIB)/libwasmrt.so

$(LIB)/libwcfront.a: $(front_obj)
$(LIB)/libwasmc.a: $(front_obj) $(back_obj)
$(LIB)/libwasmrt.a: $(runtime_whole)
$(LIB)/libwasmrt_wasi.a: $(wasi_obj)
$(LIB)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

# libwasmrt.so carries WASI too.
$(LIB)/libwasmc.so: $(front_obj) $(back_obj)
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-soname,$(@F) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs)
$(LIB)/libwasmrt.so: $(runtime_whole) $(wasi_obj)
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-soname,$(@F) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(runtime_libs)

# ---- Tools -----------------------------------------------------------------
# tools/NAME.c is a program; what several of them need is in tools/lib.
TOOLS := $(patsubst tools/%.c,%,$(wildcard tools/*.c))
tools: $(addprefix $(BIN)/,$(TOOLS))

toollib_obj := $(call objs,$(wildcard tools/lib/*.c))
tool_obj := $(call objs,$(wildcard tools/*.c))
$(LIB)/libwctool.a: $(toollib_obj)
$(tool_obj) $(toollib_obj): FLAGS = -I$(INC)/public -Itools/lib $(BACK_CFLAGS)
# wasmdump reads modules and artifacts alike; it alone sees more than the
# public headers.
$(OBJ)/tools/wasmdump.c.o: FLAGS = -I$(INC)/all -Icompiler -Itools/lib \
	$(BACK_CFLAGS)
$(OBJ)/tools/lib/dump_artifact.c.o: FLAGS = -I$(INC)/all -Itools/lib \
	$(BACK_CFLAGS)
$(OBJ)/tools/lib/dump_custom.c.o: FLAGS = -I$(INC)/front -Icompiler -Itools/lib
$(tool_obj) $(toollib_obj): | $(INC_public) $(INC_all)

# LLVM allocates much and small: a fifth of the time of a compile.  Before libc,
# whose it replaces in this program.  MALLOC_LIBS= leaves libc's; sanitizers
# bring their own.
MALLOC_LIBS ?= $(if $(SAN)$(CROSS),,$(if $(wildcard \
	/usr/include/mimalloc.h),-lmimalloc))
# LLVM is inside it, where its archives are: no time goes to relocating the
# library or to calls through its tables.  LLVM_STATIC= takes the library.
LLVM_STATIC ?= $(if $(SAN)$(CROSS),,$(if $(wildcard /usr/include/zstd.h),1))
llvm_archives = $(call once,llvm_archives,$(LLVM_CONFIG) --link-static \
	--ldflags --libs x86 aarch64 passes irreader bitwriter 2>/dev/null)
wasmc_static := $(and $(LLVM_STATIC),$(llvm_archives))
# Its code is laid out by what runs, once `make layout` has counted that: the
# profile holds until LLVM changes.  LAYOUT= leaves it.  docs/COMPILING.md.
BOLT ?= llvm-bolt-22
LAYOUT ?= $(if $(wasmc_static),$(shell command -v $(BOLT) 2>/dev/null))
PROFILE := build/layout/profile
layout_wasm := $(patsubst %,build/layout/%.wasm,json sha256 quicksort numbers \
	virtual)
wasmc_ldflags := $(if $(wasmc_static),-fuse-ld=lld -Wl$(comma)--gc-sections) \
	$(if $(LAYOUT),-Wl$(comma)--emit-relocs)
wasmc_libs = $(MALLOC_LIBS) $(if $(wasmc_static),$(llvm_archives) -lz -lzstd \
	-lstdc++ -lm $(BACK_LIBS) -lpthread -ldl,$(back_libs))
$(OBJ)/wasmc: $(OBJ)/tools/wasmc.c.o $(LIB)/libwctool.a $(LIB)/libwasmc.a
	$(CC) $(SANFLAGS) $(LDFLAGS) $(wasmc_ldflags) -o $@ $^ $(wasmc_libs)
$(BIN)/wasmc: $(OBJ)/wasmc tools/layout.sh \
		$(if $(LAYOUT),$(wildcard $(PROFILE)))
	@mkdir -p $(@D)
	BOLT='$(BOLT)' tools/layout.sh apply $< '$(if $(LAYOUT),$(PROFILE))' $@
$(layout_wasm): build/layout/%.wasm: bench/kernels/%.c bench/kernels/kernel.h
	@mkdir -p $(@D)
	$(WASM_CC) -O2 -o $@ $<
$(PROFILE): $(layout_wasm) $(wildcard $(patsubst -L%,%/libLLVMCodeGen.a, \
		$(filter -L%,$(wasmc_static))))
	@$(MAKE) --no-print-directory $(OBJ)/wasmc
	BOLT='$(BOLT)' tools/layout.sh profile $(OBJ)/wasmc $@ $(layout_wasm)
ifneq ($(LAYOUT),)
layout: $(PROFILE)
endif
layout:
	@$(MAKE) --no-print-directory $(BIN)/wasmc
$(BIN)/wasmdump: LIBS = $(BACK_LIBS)
$(BIN)/wasmdump: $(LIB)/libwctool.a $(LIB)/libwcfront.a
$(BIN)/wasmrun: LIBS = $(back_libs) $(runtime_libs)
$(BIN)/wasmrun: $(LIB)/libwctool.a $(LIB)/libwasmrt_wasi.a \
	$(LIB)/libwasmrt.a $(LIB)/libwasmc.a
$(BIN)/spectest: LIBS = $(back_libs) $(runtime_libs) -ljansson
$(BIN)/spectest: $(LIB)/libwctool.a $(LIB)/libwasmrt.a $(LIB)/libwasmc.a
$(BIN)/%: $(OBJ)/tools/%.c.o
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# ---- Tests -----------------------------------------------------------------
# tests/unit/NAME.c sees the inside of the part that its first word names:
# front_*, back_*, rt_*, wasi_*, tool_*.  tests/api/NAME.c sees the public
# headers only.
unit_src := $(wildcard tests/unit/*.c)
api_src := $(wildcard tests/api/*.c)
unit_bin := $(patsubst tests/unit/%.c,$(TESTBIN)/unit/%,$(unit_src))
api_bin := $(patsubst tests/api/%.c,$(TESTBIN)/api/%,$(api_src))
test_obj := $(call objs,$(unit_src) $(api_src))

$(OBJ)/tests/unit/front_%.c.o: FLAGS = -I$(INC)/front -Icompiler -Itests
$(OBJ)/tests/unit/back_%.c.o: FLAGS = -I$(INC)/back -Icompiler -Itests $(LLVM_CFLAGS)
$(OBJ)/tests/unit/rt_%.c.o: FLAGS = -I$(INC)/all -Iruntime -Itests
$(OBJ)/tests/unit/wasi_%.c.o: FLAGS = -I$(INC)/all -Iwasi -Itests
$(OBJ)/tests/unit/tool_%.c.o: FLAGS = -I$(INC)/public -Itools/lib -Itests
$(OBJ)/tests/api/%.c.o: FLAGS = -I$(INC)/public -Itests
$(test_obj): | $(INC_front) $(INC_back) $(INC_all) $(INC_public)

$(TESTBIN)/unit/front_%: $(OBJ)/tests/unit/front_%.c.o $(LIB)/libwcfront.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ -lpthread
$(TESTBIN)/unit/back_%: $(OBJ)/tests/unit/back_%.c.o $(LIB)/libwasmc.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs)
$(TESTBIN)/unit/rt_%: $(OBJ)/tests/unit/rt_%.c.o $(LIB)/libwasmrt.a $(LIB)/libwasmc.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs) $(runtime_libs)
$(TESTBIN)/unit/wasi_%: $(OBJ)/tests/unit/wasi_%.c.o $(LIB)/libwasmrt_wasi.a \
		$(LIB)/libwasmrt.a $(LIB)/libwasmc.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs) $(runtime_libs)
$(TESTBIN)/unit/tool_%: $(OBJ)/tests/unit/tool_%.c.o $(LIB)/libwctool.a \
		$(LIB)/libwasmrt_wasi.a $(LIB)/libwasmrt.a $(LIB)/libwasmc.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs) $(runtime_libs)
$(TESTBIN)/api/%: $(OBJ)/tests/api/%.c.o $(LIB)/libwasmrt_wasi.a \
		$(LIB)/libwasmrt.a $(LIB)/libwasmc.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs) $(runtime_libs) -lm
tests: $(unit_bin) $(api_bin)
ifneq ($(CROSS),)
cross: $(filter $(TESTBIN)/unit/rt_% $(TESTBIN)/unit/wasi_%,$(unit_bin)) \
	$(api_bin) $(BIN)/wasmrun $(BIN)/spectest
endif
# What cannot be had without its libraries is a skip of the tests.
aarch64:
	@if tests/aarch64/fetch; then \
	    $(MAKE) --no-print-directory CROSS=aarch64 cross; fi
.SECONDARY:

# wasmtime's Python package assembles .wat and is the oracle of some tests.
VENV := build/venv
$(VENV)/ready:
	@mkdir -p build
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check wasmtime
	@touch $@

# Prometheus' own reader of its text format, an oracle too.
$(VENV)/prometheus: $(VENV)/ready
	$(VENV)/bin/python -m pip install --quiet \
	    --disable-pip-version-check prometheus_client
	@touch $@

# tests/wat/NAME.wat -> build/tests/wat/NAME.wasm, those that changed at once.
wat_src := $(wildcard tests/wat/*.wat)
wat: build/tests/wat/ready $(VENV)/prometheus
build/tests/wat/ready: $(wat_src) $(VENV)/ready
	@mkdir -p $(@D)
	$(VENV)/bin/python tests/wat2wasm $(@D) $(filter %.wat,$?)
	@touch $@

# tests/regress/NAME.wast -> build/tests/regress/NAME/NAME.json
regress := $(patsubst tests/regress/%.wast,build/tests/regress/%/ready, \
	$(wildcard tests/regress/*.wast))
build/tests/regress/%/ready: tests/regress/%.wast tests/wast2json.py \
		$(VENV)/ready
	@rm -rf $(@D) && mkdir -p $(@D)
	$(VENV)/bin/python tests/wast2json.py $< $(@D)
	@touch $@
wat: $(regress)

# tests/fuzz/NAME.c: libFuzzer targets of the front end, which is compiled
# anew for them.  Their seeds and past finds are tests/fuzz/NAME/.
fuzz_src := $(wildcard tests/fuzz/*.c)
fuzz_bin := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(fuzz_src))
FUZZFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
build/fuzz/obj/%.o: % | $(INC_front)
	@mkdir -p $(@D)
	$(CLANG) $(BASE) -I$(INC)/front -Icompiler -fsanitize=fuzzer-no-link \
	    $(FUZZFLAGS) -c -o $@ $<
$(fuzz_bin): build/fuzz/%: build/fuzz/obj/tests/fuzz/%.c.o \
		$(patsubst %,build/fuzz/obj/%.o,$(front_src))
	$(CLANG) -fsanitize=fuzzer $(FUZZFLAGS) -o $@ $^
fuzz: deps-test
	@$(MAKE) --no-print-directory $(fuzz_bin)
	@for f in $(notdir $(fuzz_bin)); do \
	    mkdir -p build/fuzz/$$f.corpus; \
	    build/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -max_len=65536 \
		-print_final_stats=1 -artifact_prefix=build/fuzz/$$f- \
		build/fuzz/$$f.corpus tests/fuzz/$$f || exit 1; \
	done

# Everything that the tests need; then the tests.  $(RUN) gets its arguments
# from TESTS, RUNFLAGS: make check TESTS=front_reader RUNFLAGS=-v
RUN = OUT=$(OUT) SPEC=$(SPEC) WASM_CC='$(WASM_CC)' CC='$(CC)' \
	CLANG='$(CLANG)' tests/run $(RUNFLAGS)
check-build: everything tests wat examples $(fuzz_bin)
	@$(MAKE) --no-print-directory SAN=address,undefined tests \
	    build/san-address-undefined/bin/spectest
	@$(MAKE) --no-print-directory aarch64
check-long-build: check-build
	@$(MAKE) --no-print-directory SAN=thread tests
check check-long bless: deps-test
	@$(MAKE) --no-print-directory \
	    $(if $(filter check-long,$@),check-long-build,check-build)
	@$(RUN) $(addprefix --,$(filter-out check,$(subst check-,,$@))) $(TESTS)

# ---- Benchmarks ------------------------------------------------------------
# docs/BENCH.md.  ROUNDS=n, BENCH='NAME...' selects.
ROUNDS ?= 5
BENCHDIR := build/bench
runtime_bench_src := bench/runtime.c bench/runtime_ours.c \
	bench/runtime_start.c bench/runtime_wasmtime.c bench/wasmtime_api.c
runtime_bench_obj := $(call objs,$(runtime_bench_src))
$(runtime_bench_obj): FLAGS = -I$(INC)/public -Ibench
$(runtime_bench_obj): | $(INC_public)
$(BENCHDIR)/runtime: $(runtime_bench_obj) $(LIB)/libwasmrt_wasi.a \
		$(LIB)/libwasmrt.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(runtime_libs) -lm
bench_wat := $(wildcard bench/*.wat)
bench_wasm := $(patsubst bench/%.wat,$(BENCHDIR)/%.wasm,$(bench_wat))
$(bench_wasm): $(BENCHDIR)/%.wasm: bench/%.wat $(VENV)/ready
	@mkdir -p $(@D)
	$(VENV)/bin/python tests/wat2wasm $(@D) $<
$(BENCHDIR)/%.so: $(BENCHDIR)/%.wasm $(BIN)/wasmc
	$(BIN)/wasmc --quiet $< -o $@
$(BENCHDIR)/%.dense.so: $(BENCHDIR)/%.wasm $(BIN)/wasmc
	$(BIN)/wasmc --quiet --bounds=explicit $< -o $@
$(BENCHDIR)/%.fuel.so: $(BENCHDIR)/%.wasm $(BIN)/wasmc
	$(BIN)/wasmc --quiet --fuel $< -o $@
# From a package registry; without it, its rows are absent.
$(BENCHDIR)/quickjs.wasm:
	-@mkdir -p $(@D) && tests/real/fetch quickjs && \
	    cp build/real/npm-quickjs-wasi/package/quickjs.wasm $@
$(BENCHDIR)/quickjs.warm.so: $(BENCHDIR)/quickjs.wasm $(BIN)/wasmrun
	-@[ ! -e $< ] || { $(BIN)/wasmc --quiet $< -o $(@:.warm.so=.so) && \
	    $(BIN)/wasmrun --unknown-imports=default --snapshot=qjs_init \
	    -o $@ $(@:.warm.so=.so); }
$(OBJ)/bench/wasmtime_run.c.o: FLAGS = -Ibench
$(BENCHDIR)/wasmtime_run: $(call objs,bench/wasmtime_run.c bench/wasmtime_api.c)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ -ldl
LEVELS ?= 2
.PHONY: bench bench-simd bench-compile bench-runtime bench-calls bench-gc \
	bench-kills
bench: everything $(BENCHDIR)/wasmtime_run $(VENV)/ready
	@CLANG='$(CLANG)' python3 bench/run.py --rounds=$(ROUNDS) \
	    --levels=$(LEVELS) $(BENCHFLAGS) $(BENCH)
bench-simd: everything $(BENCHDIR)/wasmtime_run $(VENV)/ready
	@CLANG='$(CLANG)' BENCH_SET=simd WASM_FLAGS=-msimd128 \
	    NATIVE_FLAGS='-O2 -march=native -ffp-contract=off' \
	    python3 bench/run.py --rounds=$(ROUNDS) --levels=$(LEVELS) \
	    $(BENCHFLAGS) $(BENCH)
bench-compile: everything $(BENCHDIR)/wasmtime_run $(VENV)/ready
	@CLANG='$(CLANG)' python3 bench/compile.py --rounds=$(ROUNDS) \
	    $(BENCHFLAGS) $(BENCH)
calls_bench_obj := $(call objs,bench/calls.c)
$(calls_bench_obj): FLAGS = -I$(INC)/public
$(calls_bench_obj): | $(INC_public)
$(BENCHDIR)/calls: $(calls_bench_obj) $(LIB)/libwasmrt.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(runtime_libs)
bench-calls: $(BENCHDIR)/calls $(BENCHDIR)/calls_guest.so
	@$(BENCHDIR)/calls $(BENCHDIR)/calls_guest.so
kills_bench_obj := $(call objs,bench/kills.c)
$(kills_bench_obj): FLAGS = -I$(INC)/public
$(kills_bench_obj): | $(INC_public)
$(BENCHDIR)/kills: $(kills_bench_obj) $(LIB)/libwasmrt_wasi.a \
		$(LIB)/libwasmrt.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(runtime_libs)
bench-kills: $(BENCHDIR)/kills $(BENCHDIR)/runtime_guest.so \
		$(BENCHDIR)/runtime_wasi.so
	@$(BENCHDIR)/kills
heap_bench_obj := $(call objs,bench/heap.c bench/wasmtime_api.c)
$(OBJ)/bench/heap.c.o: FLAGS = -I$(INC)/public -Ibench
$(OBJ)/bench/heap.c.o: | $(INC_public)
$(BENCHDIR)/heap: $(heap_bench_obj) $(LIB)/libwasmrt.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(runtime_libs)
OBJECTS ?= 10000000
bench-gc: $(BENCHDIR)/heap $(BENCHDIR)/heap_guest.wasm \
		$(BENCHDIR)/heap_guest.so
	@$(BENCHDIR)/heap $(ROUNDS) $(OBJECTS)
bench-runtime: $(BENCHDIR)/runtime $(bench_wasm) \
		$(patsubst %.wasm,%.so,$(bench_wasm)) \
		$(BENCHDIR)/runtime_guest.dense.so \
		$(BENCHDIR)/runtime_guest.fuel.so $(BENCHDIR)/quickjs.warm.so
	@$(BENCHDIR)/runtime $(ROUNDS) $(BENCH) | tee $(BENCHDIR)/runtime.txt

# ---- Examples --------------------------------------------------------------
# Programs for wasm are hello.c and what begins with guest_ (reactors); others
# are hosts, built as anybody's would be.
guest_src := $(wildcard examples/hello.c examples/guest_*.c)
host_src := $(filter-out $(guest_src),$(wildcard examples/*.c))
examples: $(patsubst examples/%.c,$(OUT)/examples/%.so,$(guest_src)) \
	$(patsubst examples/%.c,$(OUT)/examples/%,$(host_src))
$(OUT)/examples/guest_%.wasm: examples/guest_%.c
	@mkdir -p $(@D)
	$(WASM_CC) -mexec-model=reactor -O2 -o $@ $<
$(OUT)/examples/guest_%.h: $(OUT)/examples/guest_%.wasm $(BIN)/wasmc
	$(BIN)/wasmc --emit=header $< -o $@
$(OUT)/examples/sandbox: $(OUT)/examples/guest_base64.h
$(patsubst examples/%.c,$(OUT)/examples/%,$(host_src)): $(OUT)/examples/%: \
		examples/%.c $(LIB)/libwasmrt.so
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -g -O2 -Iinclude -I$(@D) -o $@ $< -L$(LIB) -lwasmrt \
	    -Wl,-rpath,'$$ORIGIN/../lib'
$(OUT)/examples/%.wasm: examples/%.c
	@mkdir -p $(@D)
	$(WASM_CC) -O2 -o $@ $<
$(OUT)/examples/%.so: $(OUT)/examples/%.wasm $(BIN)/wasmc
	$(BIN)/wasmc $< -o $@
run-hello: $(OUT)/examples/hello.so $(BIN)/wasmrun
	$(BIN)/wasmrun $<

# bench/lifecycle.c: instances' life; its head says how it is used.
$(OBJ)/bench/lifecycle.c.o: FLAGS = -I$(INC)/public
$(OBJ)/bench/lifecycle.c.o: | $(INC_public)
build/bench/lifecycle: $(OBJ)/bench/lifecycle.c.o $(LIB)/libwasmrt.a \
		$(LIB)/libwasmc.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs) $(runtime_libs)

# ---- Installation ----------------------------------------------------------
VERSION := $(shell sed -n 's/.*WASMC_VERSION "\(.*\)"/\1/p' include/wasmc.h)
dest = $(DESTDIR)$(PREFIX)
define pc
prefix=$(PREFIX)
includedir=$${prefix}/include
libdir=$${prefix}/lib

Name: $(1)
Description: $(2)
Version: $(VERSION)
Cflags: -I$${includedir}
Libs: -L$${libdir} -l$(1)
Requires.private: $(3)
Libs.private: $(4)
endef
install: all
	install -d $(dest)/bin $(dest)/include $(dest)/lib/pkgconfig
	install $(BIN)/wasmc $(BIN)/wasmrun $(BIN)/wasmdump $(dest)/bin
	install -m 644 $(addprefix include/,$(HDR_public)) $(dest)/include
	install -m 644 $(LIB)/libwasmc.a $(LIB)/libwasmrt.a \
	    $(LIB)/libwasmrt_wasi.a $(dest)/lib
	install $(LIB)/libwasmc.so $(LIB)/libwasmrt.so $(dest)/lib
	$(file >build/libwasmc.pc,$(call pc,wasmc,compile WebAssembly to ELF shared objects,libelf libcrypto,$(LLVM_LIBS) -lbinaryen -lpthread))
	$(file >build/libwasmrt.pc,$(call pc,wasmrt,run WebAssembly that wasmc has compiled,libelf libffi libcrypto,-lwasmrt_wasi -lwasmrt -lpthread -ldl))
	install -m 644 build/libwasmc.pc build/libwasmrt.pc \
	    $(dest)/lib/pkgconfig

help:
	@echo 'make              install what is missing, build everything'
	@echo 'make hello        ... and run examples/hello.c as wasm'
	@echo 'make check        ... and run all tests; TESTS=NAME... RUNFLAGS=-v'
	@echo 'make check-long   ... with those that take long'
	@echo 'make bless        ... and rewrite the golden files of the tests'
	@echo 'make fuzz         run the fuzzers, each for FUZZ_SECONDS'
	@echo 'make bench        compiled code beside native; BENCH=NAME... ROUNDS=n'
	@echo 'make bench-simd   the same for wasm with SIMD, native for this CPU'
	@echo 'make bench-calls  what calls into guests and out of them take'
	@echo 'make bench-compile  how fast modules are compiled'
	@echo 'make bench-runtime  what the runtime does, step by step,'
	@echo '                  beside wasmtime; BENCH=NAME... ROUNDS=n'
	@echo 'make bench-gc     the collected heap beside wasmtime; OBJECTS=n ROUNDS=n'
	@echo 'make install      to DESTDIR PREFIX'
	@echo 'make everything   build without looking for missing packages, and'
	@echo 'make layout       lay out the code of wasmc by what runs'
	@echo 'make libs, tools, tests, wat, deps, clean'
	@echo
	@echo 'Settings (now):'
	@echo '  SAN=address,undefined   a sanitizer build in build/san-... ($(SAN))'
	@echo '  CROSS=aarch64   make cross: the runtime for it ($(CROSS))'
	@echo '  CC ($(CC))  CFLAGS ($(CFLAGS))  LDFLAGS ($(LDFLAGS))  JOBS ($(JOBS))'
	@echo '  LLVM_CONFIG ($(LLVM_CONFIG))  CLANG ($(CLANG))'
	@echo '  MALLOC_LIBS ($(MALLOC_LIBS)), LLVM_STATIC ($(LLVM_STATIC)), LAYOUT'
	@echo '                  ($(LAYOUT)): of the tool wasmc; empty: none'
	@echo '  PREFIX ($(PREFIX))  DESTDIR ($(DESTDIR))'
	@echo '  SPEC ($(SPEC)): the converted specification tests'

clean:
	rm -rf build

-include $(shell find build -name '*.d' -type f 2>/dev/null)
