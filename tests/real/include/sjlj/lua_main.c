/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Run the Lua script on stdin. */
#include <stdio.h>

#include "lua.h"
#include "lauxlib.h"
#include "lualib.h"

static char text[1 << 16];

int
main(void)
{
	size_t n = fread(text, 1, sizeof text, stdin);
	lua_State *L = luaL_newstate();

	luaL_openlibs(L);
	if (luaL_loadbuffer(L, text, n, "=stdin") || lua_pcall(L, 0, 0, 0)) {
		printf("error: %s\n", lua_tostring(L, -1));
		return 1;
	}
	lua_close(L);
	return 0;
}
