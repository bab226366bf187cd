//go:build tensorflow && cgo

// The Go binding of 2.1 calls these for strings, which libtensorflow has not had
// since 2.4. No string gets here: signatures with one are refused. They are weak,
// so that an older libtensorflow's own ones are taken where it has them.

#include <stdlib.h>

__attribute__((weak)) size_t TF_StringEncodedSize(size_t len) {
	(void)len;
	abort();
}

__attribute__((weak)) size_t TF_StringEncode(const char *src, size_t src_len, char *dst, size_t dst_len, void *status) {
	(void)src, (void)src_len, (void)dst, (void)dst_len, (void)status;
	abort();
}

__attribute__((weak)) size_t TF_StringDecode(const char *src, size_t src_len, const char **dst, size_t *dst_len, void *status) {
	(void)src, (void)src_len, (void)dst, (void)dst_len, (void)status;
	abort();
}
