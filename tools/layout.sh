#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Lay out a program's code by what runs: LLVM's code is large, and as the
# packages have it no two things that run together are neighbours.
#
#	tools/layout.sh profile PROGRAM OUT FILE.wasm...
#		count what runs when PROGRAM, a wasmc that was linked with its
#		relocations, compiles these, into OUT
#	tools/layout.sh apply PROGRAM PROFILE OUT
#		PROGRAM anew; without a profile, or if it cannot be used, a copy
#
# Names and offsets within functions are what a profile speaks of: one serves as
# long as LLVM is the same, whatever else of the program changes.
set -u

bolt=${BOLT:-llvm-bolt-22}
merge=${MERGE_FDATA:-$(dirname "$(command -v "$bolt")")/merge-fdata${bolt##*llvm-bolt}}

fail()
{
	echo "layout: $*" >&2
	exit 1
}

# Counts below 200 are of no weight; without them a profile is read in half the
# time.
profile()
{
	program=$1 out=$2
	shift 2
	dir=$(mktemp -d) || exit 1
	trap 'rm -rf "$dir"' EXIT
	"$bolt" "$program" -instrument -o "$dir/counting" \
	    --instrumentation-file="$dir/run" \
	    --instrumentation-file-append-pid >"$dir/log" 2>&1 ||
	    fail "$(tail -1 "$dir/log")"
	for f; do
		for level in 0 1 2; do
			"$dir/counting" --quiet --cache-dir= -j1 -O$level \
			    "$f" -o "$dir/out.so" || fail "$f failed"
		done
	done
	"$merge" "$dir"/run.*.fdata >"$dir/all" 2>"$dir/log" ||
	    fail "$(tail -1 "$dir/log")"
	awk '$NF > 200' "$dir/all" >"$dir/hot" && [ -s "$dir/hot" ] ||
	    fail "nothing was counted"
	mv "$dir/hot" "$out"
}

apply()
{
	program=$1 profile=$2 out=$3
	rm -f "$out"
	if [ -s "$profile" ]; then
		"$bolt" "$program" -o "$out" -data="$profile" \
		    -reorder-blocks=ext-tsp -reorder-functions=cdsort \
		    -split-functions -split-all-cold -split-eh \
		    -use-gnu-stack -update-debug-sections >"$out.log" 2>&1 &&
		    rm -f "$out.log" && return
		echo "layout: as it is: $(tail -1 "$out.log")" >&2
	fi
	cp "$program" "$out"
}

case ${1-} in
profile)	[ $# -gt 3 ] || fail "usage"; shift; profile "$@" ;;
apply)		[ $# = 4 ] || fail "usage"; shift; apply "$@" ;;
*)		fail "usage: see the head of this file" ;;
esac
