// Answers the CPUID instructions of a library whose copy has UD2 in their place
// (hide.go) as the CPU would, without AVX-512: what the peer does on a CPU that
// has no more than AVX2.
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

static void answer(int sig, siginfo_t *info, void *context) {
  (void)sig, (void)info;
  greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
  unsigned leaf = r[REG_RAX], sub = r[REG_RCX], a, b, c, d;
  __cpuid_count(leaf, sub, a, b, c, d);
  if (leaf == 7 && sub == 0) {
    b &= ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31);
    c &= ~(1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14);
    d &= ~(1u << 2 | 1u << 3 | 1u << 8 | 1u << 23);
  }
  if (leaf == 7 && sub == 1) a &= ~(1u << 4 | 1u << 5);  // AVX-VNNI and AVX512-BF16
  r[REG_RAX] = a, r[REG_RBX] = b, r[REG_RCX] = c, r[REG_RDX] = d;
  r[REG_RIP] += 2;
}

void hide_avx512(void) {
  struct sigaction s;
  memset(&s, 0, sizeof s);
  s.sa_sigaction = answer;
  s.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &s, NULL);
}
