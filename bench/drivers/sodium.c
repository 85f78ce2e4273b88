/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* libsodium: hashes, a cipher, signatures and key exchange, n rounds. */
#include <sodium.h>

#include "text.h"

/* Nothing here may be random. */
void
randombytes_buf(void *buf, size_t n)
{
	memset(buf, 7, n);
}

void
randombytes_stir(void)
{
}

static uint64_t
kernel(unsigned long n)
{
	enum { SIZE = 65536 };
	unsigned char *text = (unsigned char *)make_text(SIZE);
	unsigned char *box = kernel_alloc(SIZE + 64), h[64], seed[32] = { 1 };
	unsigned char pk[32], sk[64], sig[64], nonce[24] = { 0 }, q[32];
	unsigned long long len;
	uint64_t sum = 0;

	crypto_sign_seed_keypair(pk, sk, seed);
	while (n--) {
		text[n % SIZE]++;
		crypto_hash_sha256(h, text, SIZE);
		sum = kernel_sum(sum, h, 32);
		crypto_hash_sha512(h, text, SIZE);
		sum = kernel_sum(sum, h, 64);
		crypto_generichash_blake2b(h, 64, text, SIZE, NULL, 0);
		sum = kernel_sum(sum, h, 64);
		crypto_aead_xchacha20poly1305_ietf_encrypt(box, &len, text,
		    SIZE, NULL, 0, NULL, nonce, seed);
		sum = kernel_sum(sum, box + SIZE, 16);
		crypto_sign_detached(sig, NULL, text, 64, sk);
		if (crypto_sign_verify_detached(sig, text, 64, pk) != 0)
			return 0;
		crypto_scalarmult_curve25519_base(q, h);
		sum = kernel_sum(sum, q, 32);
	}
	return sum;
}

KERNEL(300, 5)
