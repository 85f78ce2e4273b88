# wasmc and libwasmrt.  GNU make 4.3 or later; `make help` says what there is.
#
# Settings may be put in config.mk or given on the command line:
#   SAN=address,undefined   a sanitizer build, in build/san-...
#   CC, CFLAGS, LDFLAGS, LLVM_CONFIG, PREFIX, DESTDIR, SPEC
-include config.mk

ifeq ($(origin CC),default)
CC := clang-22
endif
LLVM_CONFIG ?= llvm-config-22
PREFIX ?= /usr/local
SPEC ?= ../shared/spec
SAN ?=

comma := ,
ifeq ($(SAN),)
VARIANT := release
OUT := build
OPT ?= -O2
else
VARIANT := san-$(subst $(comma),-,$(SAN))
OUT := build/$(VARIANT)
OPT ?= -O1
SANFLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
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

# ---- What each folder may see: links to just those headers -----------------
# The groups and their headers; see docs/ARCHITECTURE.md, "One direction".
HDR_front   := wasmc.h
HDR_back    := wasmc.h wabi.h
HDR_runtime := wasmrt.h wabi.h
HDR_wasi    := wasmrt.h wasmrt_wasi.h
HDR_public  := wasmc.h wasmrt.h wasmrt_wasi.h
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
FRONT := arena reader ops decode insn names validate features validate_api
front_src := $(wildcard $(addprefix compiler/,$(addsuffix .c,$(FRONT))) \
	compiler/decode_*.c compiler/validate_*.c)
back_src := $(filter-out $(front_src),$(wildcard compiler/*.c))
runtime_src := $(wildcard runtime/*.c runtime/*.S)
wasi_src := $(wildcard wasi/*.c)

objs = $(patsubst %,$(OBJ)/%.o,$(1))
front_obj := $(call objs,$(front_src))
back_obj := $(call objs,$(back_src))
runtime_obj := $(call objs,$(runtime_src))
wasi_obj := $(call objs,$(wasi_src))

LLVM_CFLAGS = $(shell $(LLVM_CONFIG) --cflags 2>/dev/null | \
	sed 's/-D[^ ]*//g;s/-I/-isystem /g')
LLVM_LIBS = $(shell $(LLVM_CONFIG) --ldflags --libs 2>/dev/null)
PKG = $(shell pkg-config $(1) 2>/dev/null)
back_libs = $(LLVM_LIBS) -lbinaryen $(call PKG,--libs libelf libcrypto) -lpthread
runtime_libs = $(call PKG,--libs libelf libffi libcrypto) -lpthread -ldl

$(front_obj): FLAGS = -I$(INC)/front
$(back_obj): FLAGS = -I$(INC)/back $(LLVM_CFLAGS) \
	$(call PKG,--cflags libelf libcrypto)
$(runtime_obj): FLAGS = -I$(INC)/runtime $(call PKG,--cflags libelf libffi libcrypto)
$(wasi_obj): FLAGS = -I$(INC)/wasi
$(front_obj): | $(INC_front)
$(back_obj): | $(INC_back)
$(runtime_obj): | $(INC_runtime)
$(wasi_obj): | $(INC_wasi)

.PHONY: all help hello check install clean bless fuzz tests deps
all: deps
	@$(MAKE) --no-print-directory everything
everything: libs tools

# ---- Objects and libraries -------------------------------------------------
$(OBJ)/%.c.o: %.c
	@mkdir -p $(@D)
	$(CCACHE) $(CC) $(BASE) $(FLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(OBJ)/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) $(BASE) $(FLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

libs: $(LIB)/libwasmc.a $(LIB)/libwasmrt.a $(LIB)/libwasmrt_wasi.a \
	$(LIB)/libwasmc.so $(LIB)/libwasmrt.so

$(LIB)/libwcfront.a: $(front_obj)
$(LIB)/libwasmc.a: $(front_obj) $(back_obj)
$(LIB)/libwasmrt.a: $(runtime_obj)
$(LIB)/libwasmrt_wasi.a: $(wasi_obj)
$(LIB)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

# libwasmrt.so carries WASI too.
$(LIB)/libwasmc.so: $(front_obj) $(back_obj)
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-soname,$(@F) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs)
$(LIB)/libwasmrt.so: $(runtime_obj) $(wasi_obj)
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-soname,$(@F) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(runtime_libs)

# ---- Tools -----------------------------------------------------------------
TOOLS := $(patsubst tools/%.c,%,$(wildcard tools/*.c))
tools: $(addprefix $(BIN)/,$(TOOLS))

tool_obj = $(OBJ)/tools/%.c.o
# wasmdump reads modules and artifacts alike; it alone sees more than the
# public headers.
$(OBJ)/tools/wasmdump.c.o: FLAGS = -I$(INC)/all -Icompiler $(call PKG,--cflags libelf)
$(OBJ)/tools/wasmdump.c.o: | $(INC_all)
$(OBJ)/tools/%.c.o: FLAGS = -I$(INC)/public
$(addprefix $(OBJ)/tools/,$(addsuffix .c.o,$(TOOLS))): | $(INC_public)

$(BIN)/wasmc: $(OBJ)/tools/wasmc.c.o $(LIB)/libwasmc.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs)
$(BIN)/wasmdump: $(OBJ)/tools/wasmdump.c.o $(LIB)/libwcfront.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(call PKG,--libs libelf)
$(BIN)/wasmrun: $(OBJ)/tools/wasmrun.c.o $(LIB)/libwasmrt_wasi.a \
		$(LIB)/libwasmrt.a $(LIB)/libwasmc.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs) $(runtime_libs)
$(BIN)/spectest: $(OBJ)/tools/spectest.c.o $(LIB)/libwasmrt.a $(LIB)/libwasmc.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs) $(runtime_libs) -ljansson

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
$(TESTBIN)/api/%: $(OBJ)/tests/api/%.c.o $(LIB)/libwasmrt_wasi.a \
		$(LIB)/libwasmrt.a $(LIB)/libwasmc.a
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(back_libs) $(runtime_libs)
tests: $(unit_bin) $(api_bin)
.SECONDARY:

clean:
	rm -rf build

-include $(shell find build -name '*.d' 2>/dev/null)
