/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * outcome.c: what came of a run.  A trap looks as wasmtime's users know it;
 * as JSON every outcome is one object on one line, of which "outcome" is
 * "exit", "return", "trap" or "error" and "exit_code" the process's.
 */
#include <inttypes.h>
#include <string.h>

#include "demangle.h"
#include "outcome.h"
#include "values.h"

static void
json_string(FILE *f, const char *s)
{
	putc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(f, "\\u%04x", c);
		else
			putc(c, f);
	}
	putc('"', f);
}

static void
json_member(FILE *f, const char *key, const char *value)
{
	fprintf(f, ",\"%s\":", key);
	json_string(f, value);
}

void
outcome_error(FILE *f, int json, const char *file, const char *what,
    const char *text, int status)
{
	if (!json) {
		fprintf(f, "Error: %s `%s`: %s\n", what, file, text);
		return;
	}
	fprintf(f, "{\"outcome\":\"error\",\"exit_code\":%d", status);
	json_member(f, "error", text);
	json_member(f, "file", file);
	fputs("}\n", f);
}

enum { NAME_MAX_BYTES = 1024 };

static const char *
frame_name(const struct wrt_frame *fr, char buf[NAME_MAX_BYTES])
{
	if (fr->func && *fr->func)
		return demangle(fr->func, buf, NAME_MAX_BYTES);
	snprintf(buf, NAME_MAX_BYTES, "<wasm function %" PRIu32 ">", fr->func_idx);
	return buf;
}

static void
trap_text(FILE *f, const char *file, const char *what,
    const struct wrt_trap *t)
{
	char buf[NAME_MAX_BYTES];

	fprintf(f, "Error: failed to run main module `%s`\n\nCaused by:\n"
	    "    0: failed to invoke `%s`\n", file, what);
	if (t->nframes)
		fputs("    1: error while executing at wasm backtrace:\n", f);
	for (size_t i = 0; i < t->nframes; i++) {
		const struct wrt_frame *fr = &t->frames[i];

		fprintf(f, "        %4zu: ", i);
		if (fr->wasm_off == UINT32_MAX)
			fputs("         ?", f);
		else
			fprintf(f, "%#10" PRIx32, fr->wasm_off);
		fprintf(f, " - %s!%s\n", fr->module ? fr->module : "?",
		    frame_name(fr, buf));
		if (fr->file)
			fprintf(f, "                           at %s:%" PRIu32
			    "\n", fr->file, fr->line);
	}
	if (t->nframes_total > t->nframes)
		fprintf(f, "              ... %zu more frames\n",
		    t->nframes_total - t->nframes);
	if (t->address)
		fprintf(f, "    2: memory fault at wasm address %#" PRIx64
		    " in linear memory\n", t->address);
	fprintf(f, "    %d: wasm trap: %s\n", (t->nframes != 0) + 1 +
	    (t->address != 0), t->text);
}

static void
trap_json(FILE *f, const char *file, const char *what,
    const struct wrt_trap *t, int status)
{
	char buf[NAME_MAX_BYTES];

	fprintf(f, "{\"outcome\":\"trap\",\"exit_code\":%d", status);
	json_member(f, "file", file);
	json_member(f, "function", what);
	fprintf(f, ",\"trap\":{\"code\":%d", t->code);
	json_member(f, "text", t->text);
	if (t->address)
		fprintf(f, ",\"address\":%" PRIu64, t->address);
	fprintf(f, ",\"depth\":%zu,\"frames\":[", t->nframes_total);
	for (size_t i = 0; i < t->nframes; i++) {
		const struct wrt_frame *fr = &t->frames[i];
		const char *name = frame_name(fr, buf);

		fprintf(f, "%s{\"function_index\":%" PRIu32, i ? "," : "",
		    fr->func_idx);
		json_member(f, "module", fr->module ? fr->module : "");
		json_member(f, "function", name);
		if (fr->func && *fr->func && name != fr->func)
			json_member(f, "symbol", fr->func);
		if (fr->wasm_off != UINT32_MAX)
			fprintf(f, ",\"offset\":%" PRIu32, fr->wasm_off);
		if (fr->file) {
			json_member(f, "file", fr->file);
			fprintf(f, ",\"line\":%" PRIu32, fr->line);
		}
		putc('}', f);
	}
	fputs("]}}\n", f);
}

void
outcome_trap(FILE *f, int json, const char *file, const char *what,
    const struct wrt_trap *trap, int status)
{
	if (json)
		trap_json(f, file, what, trap, status);
	else
		trap_text(f, file, what, trap);
}

void
outcome_exit(FILE *f, int status)
{
	fprintf(f, "{\"outcome\":\"exit\",\"exit_code\":%d}\n", status);
}

void
outcome_results(FILE *f, int json, const struct wrt_functype *type,
    const wrt_val *results)
{
	char text[VALUE_TEXT_MAX];

	if (json)
		fputs("{\"outcome\":\"return\",\"exit_code\":0,\"results\":[",
		    f);
	for (uint32_t i = 0; i < type->nresults; i++) {
		value_print(type->results[i], &results[i], text);
		if (!json) {
			fprintf(f, "%s\n", text);
			continue;
		}
		/* Strings: JSON's numbers hold neither an i64 nor a NaN. */
		fprintf(f, "%s{\"type\":\"%s\"", i ? "," : "",
		    value_type_name(type->results[i]));
		json_member(f, "value", text);
		putc('}', f);
	}
	if (json)
		fputs("]}\n", f);
}
