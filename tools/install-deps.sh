#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Install what the build and the tests need, with the system's own package
# manager.  `make deps` runs this only when something is missing.
#
#	tools/install-deps.sh --check [build|test]	1 if something is missing
#	tools/install-deps.sh [build|test|fast]		install it
#
# "test" wants more than "build": an assembler for .wat, a second architecture.
# What is only there to make wasmc faster, "fast", comes with the rest if that
# is installed and it can be had: a build goes without.

set -u

# What is wanted: "check|Debian package|what it is for".  A check is a program
# (cmd:), or a file that the first of several places has (file:).
wants_build='
cmd:cc|gcc|a C compiler for the linker'"'"'s start files
cmd:pkg-config|pkg-config|finding libraries
cmd:clang-22|clang-22|compiling C to native code and to wasm
cmd:ld.lld-22|lld-22|linking artifacts
cmd:llvm-config-22|llvm-22-dev|the code generator
file:/usr/lib/llvm-22/include/llvm-c/Core.h|llvm-22-dev|its headers
file:/usr/include/binaryen-c.h|binaryen|wasm-to-wasm optimisation
file:/usr/include/gelf.h|libelf-dev|ELF files
file:/usr/include/*/ffi.h /usr/include/ffi.h|libffi-dev|untyped calls
file:/usr/include/openssl/sha.h|libssl-dev|SHA-256
file:/usr/include/mimalloc.h|libmimalloc-dev|a faster malloc for wasmc
file:/usr/include/jansson.h|libjansson-dev|JSON of the specification'"'"'s tests
file:/usr/lib/wasm32-wasi/libc.a|wasi-libc|C programs as wasm
file:/usr/lib/llvm-22/lib/clang/22/lib/wasi/libclang_rt.builtins-wasm32.a|libclang-rt-22-dev-wasm32|C programs as wasm
'
wants_test='
cmd:python3|python3|running the tests
cmd:clang++-22|clang-22|the headers as C++
file:/usr/lib/llvm-22/lib/clang/22/lib/linux/libclang_rt.asan-x86_64.a /usr/lib/llvm-22/lib/clang/22/lib/*/libclang_rt.asan.a /usr/lib/llvm-22/lib/clang/22/lib/linux/libclang_rt.asan-aarch64.a|libclang-rt-22-dev|sanitizers and fuzzing
file:/usr/lib/python3*/ensurepip/__init__.py /usr/lib/python3/dist-packages/virtualenv|python3-venv|wasmtime'"'"'s .wat assembler
cmd:readelf|binutils|looking at artifacts
cmd:gdb|gdb|looking at artifacts
cmd:curl|curl|sockets
cmd:qemu-aarch64|qemu-user|artifacts for aarch64
cmd:dpkg-source|dpkg-dev|C programs from source packages
'
wants_fast='
file:/usr/include/zlib.h|zlib1g-dev|LLVM within wasmc
file:/usr/include/zstd.h|libzstd-dev|LLVM within wasmc
cmd:llvm-bolt-22|bolt-22|laying out wasmc by what runs
'

has()
{
	case $1 in
	cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
	file:*)
		# Unquoted: a list of patterns.
		for f in ${1#file:}; do
			[ -e "$f" ] && return 0
		done
		return 1 ;;
	esac
}

missing()
{
	wants=$wants_build
	[ "$1" = test ] && wants=$wants$wants_test
	[ "$1" = fast ] && wants=$wants_fast
	echo "$wants" | while IFS='|' read -r check package purpose; do
		[ -z "$check" ] || has "$check" ||
		    echo "$package|$purpose|$check"
	done
}

check_only=0
if [ "${1:-}" = --check ]; then
	check_only=1
	shift
fi
what=${1:-build}
gone=$(missing "$what")
[ -n "$gone" ] || exit 0
[ $check_only = 0 ] || exit 1

packages=$(echo "$gone" | cut -d'|' -f1 | sort -u)
faster=$(missing fast | cut -d'|' -f1 | sort -u)
if command -v apt-get >/dev/null 2>&1; then
	sudo=
	if [ "$(id -u)" != 0 ]; then
		sudo=sudo
		if ! command -v sudo >/dev/null 2>&1; then
			echo "install-deps: become root and run:" \
			    "apt-get install" $packages >&2
			exit 1
		fi
	fi
	echo "install-deps: installing" $packages
	$sudo apt-get -q update &&
	    $sudo env DEBIAN_FRONTEND=noninteractive \
	    apt-get -q install -y --no-install-recommends $packages ||
	    echo "install-deps: apt-get failed; LLVM 22 for older systems is" \
	    "at https://apt.llvm.org" >&2
	[ -z "$faster" ] || [ "$what" = fast ] ||
	    $sudo env DEBIAN_FRONTEND=noninteractive \
	    apt-get -q install -y --no-install-recommends $faster ||
	    echo "install-deps: without $faster wasmc is slower" >&2
fi

gone=$(missing "$what")
[ -n "$gone" ] || exit 0
echo "install-deps: these are missing; install them and try again:" >&2
echo "$gone" | while IFS='|' read -r package purpose check; do
	echo "  $check  ($purpose; Debian package $package)" >&2
done
exit 1
