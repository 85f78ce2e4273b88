/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * error.c: statuses and their texts.
 */
#include <stdio.h>

#include "load.h"

int
wrt__fail(struct wrt_error *err, int status, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return status;
	err->status = status;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return status;
}

const char *
wrt_status_text(int status)
{
	switch (status) {
	case WRT_OK:
		return "success";
	case WRT_SUSPENDED:
		return "the call is suspended";
	case WRT_YIELD:
		return "suspend the guest";
#define X(name, number, text)						\
	case number:							\
		return text;
	WRT_STATUSES(X)
#undef X
	}
	return "unknown status";
}
