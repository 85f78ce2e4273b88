/* Where libsodium has it in its crate. */
#include <version.h>
