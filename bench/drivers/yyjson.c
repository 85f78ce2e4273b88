/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* yyjson: a document of about 300 KB, parsed, walked and written, n times. */
#include <yyjson.h>

#include "text.h"

static uint64_t
walk(yyjson_val *v)
{
	uint64_t sum = yyjson_get_tag(v) + (uint64_t)(int64_t)(
	    yyjson_get_num(v) * 8) + yyjson_get_len(v);
	yyjson_arr_iter ai = yyjson_arr_iter_with(v);
	yyjson_obj_iter oi = yyjson_obj_iter_with(v);
	yyjson_val *x;

	if (yyjson_is_arr(v))
		while ((x = yyjson_arr_iter_next(&ai)) != NULL)
			sum = sum * 31 + walk(x);
	if (yyjson_is_obj(v))
		while ((x = yyjson_obj_iter_next(&oi)) != NULL)
			sum = sum * 31 + walk(yyjson_obj_iter_get_val(x));
	return sum;
}

static uint64_t
kernel(unsigned long n)
{
	char *doc = kernel_alloc(600000), *p = doc;
	uint64_t sum = 0;

	p += sprintf(p, "[");
	for (int i = 0; i < 2500; i++)
		p += sprintf(p, "%s{\"id\":%d,\"name\":\"item \\\"%u\\\"\","
		    "\"price\":%d.%03de-2,\"tags\":[\"a\",\"\\u00e4\",null],"
		    "\"at\":{\"x\":-%d,\"y\":%d.5}}", i ? "," : "", i,
		    (unsigned)kernel_random(), i * 7, i % 1000, i, i * 3);
	p += sprintf(p, "]");
	while (n--) {
		yyjson_doc *d = yyjson_read(doc, (size_t)(p - doc), 0);
		size_t len;
		char *out = yyjson_write(d, 0, &len);

		sum = sum * 31 + walk(yyjson_doc_get_root(d));
		sum = kernel_sum(sum, out, len / 16);
		free(out);
		yyjson_doc_free(d);
	}
	return sum;
}

KERNEL(200, 3)
