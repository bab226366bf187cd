// Answers the CPUID instructions of a library whose copy has UD2 in their place
// (hide.go) as a CPU without AVX-512 and AMX would, and, for the tier avx2, without
// AVX-VNNI.
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <ucontext.h>

static bool vnni;  // is left

static void answer(int sig, siginfo_t *info, void *context) {
  (void)sig, (void)info;
  greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
  unsigned leaf = r[REG_RAX], sub = r[REG_RCX], a, b, c, d;
  __cpuid_count(leaf, sub, a, b, c, d);
  if (leaf == 7 && sub == 0) {
    b &= ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31);
    c &= ~(1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14);
    d &= ~(1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25);
  }
  if (leaf == 7 && sub == 1) {
    a &= ~(1u << 5 | 1u << 21);  // AVX512-BF16, AMX-FP16
    d &= ~(1u << 8 | 1u << 19);  // AMX-COMPLEX, AVX10
    if (!vnni) {
      a &= ~(1u << 4);
      d &= ~(1u << 4 | 1u << 10);  // of other signs, of 16 bits
    }
  }
  r[REG_RAX] = a, r[REG_RBX] = b, r[REG_RCX] = c, r[REG_RDX] = d;
  r[REG_RIP] += 2;
}

// limit_to answers for a tier, avx2 or avxvnni.
void limit_to(const char *tier) {
  vnni = !strcmp(tier, "avxvnni");
  struct sigaction s;
  memset(&s, 0, sizeof s);
  s.sa_sigaction = answer;
  s.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &s, NULL);
}
