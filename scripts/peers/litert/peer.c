// Times LiteRT's invoke through its C API, without Python's call cost.
//
//   peer LIBRARY MODEL SECONDS OUT_DIR INPUT...
//
// One thread, default options; with PEER_TIER set the library must be a
// copy made by hide.go. Prints one line: init, first and median invoke
// in microseconds, peak resident set in KiB, threads. Outputs go to
// OUT_DIR/out0.bin and so on.
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void *handle;
typedef uint64_t index_t;
// LiteRtRankedTensorType and its layout.
typedef struct { uint32_t rank; int32_t dims[8]; uint32_t strides[8]; } layout_t;
typedef struct { int32_t element; layout_t layout; } ranked_t;

enum { CPU = 1, READ = 0, WRITE = 1, MAX_TENSORS = 32, MAX_BATCHES = 100000 };

#define API(ret, name, ...) static ret (*name)(__VA_ARGS__);
#define FUNCTIONS                                                              \
  API(int, LiteRtCreateEnvironment, int, const void *, handle *)               \
  API(int, LiteRtCreateModelFromFile, handle, const char *, handle *)          \
  API(int, LiteRtCreateOptions, handle *)                                      \
  API(int, LiteRtSetOptionsHardwareAccelerators, handle, int)                  \
  API(int, LiteRtCreateCompiledModel, handle, handle, handle, handle *)        \
  API(int, LiteRtGetModelSignature, handle, index_t, handle *)                 \
  API(int, LiteRtGetNumSignatureInputs, handle, index_t *)                     \
  API(int, LiteRtGetNumSignatureOutputs, handle, index_t *)                    \
  API(int, LiteRtGetSignatureInputTensorByIndex, handle, index_t, handle *)    \
  API(int, LiteRtGetSignatureOutputTensorByIndex, handle, index_t, handle *)   \
  API(int, LiteRtGetRankedTensorType, handle, ranked_t *)                      \
  API(int, LiteRtGetCompiledModelInputBufferRequirements, handle, index_t, index_t, handle *)  \
  API(int, LiteRtGetCompiledModelOutputBufferRequirements, handle, index_t, index_t, handle *) \
  API(int, LiteRtGetCompiledModelInputTensorLayout, handle, index_t, index_t, layout_t *) \
  API(int, LiteRtGetCompiledModelOutputTensorLayouts, handle, index_t, size_t, layout_t *, bool) \
  API(int, LiteRtCreateManagedTensorBufferFromRequirements, handle, const ranked_t *, handle, handle *) \
  API(int, LiteRtLockTensorBuffer, handle, void **, int)                       \
  API(int, LiteRtUnlockTensorBuffer, handle)                                   \
  API(int, LiteRtGetTensorBufferPackedSize, handle, size_t *)                  \
  API(int, LiteRtRunCompiledModel, handle, index_t, size_t, handle *, size_t, handle *)
FUNCTIONS
#undef API

static void die(const char *what) {
  fprintf(stderr, "peer: %s\n", what);
  exit(1);
}

#define CHECK(call)                                                            \
  do {                                                                         \
    int status = (call);                                                       \
    if (status) {                                                              \
      fprintf(stderr, "peer: status %d: %s\n", status, #call);                 \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

void limit_to(const char *tier);  // cpuid.c

static void load(const char *library) {
  if (getenv("PEER_TIER")) limit_to(getenv("PEER_TIER"));
  void *lib = dlopen(library, RTLD_NOW);
  if (!lib) die(dlerror());
#define API(ret, name, ...)                                                    \
  if (!(*(void **)&name = dlsym(lib, #name))) die(#name " not found");
  FUNCTIONS
#undef API
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static long status_field(const char *key) {
  char line[256];
  long v = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, key, strlen(key))) v = atol(line + strlen(key) + 1);
  if (f) fclose(f);
  return v;
}

static handle model, compiled, env, inputs[MAX_TENSORS], outputs[MAX_TENSORS];
static index_t n_in, n_out;

static void open_model(const char *path) {
  handle options, sig, tensor, req;
  ranked_t type;
  layout_t layouts[MAX_TENSORS];
  CHECK(LiteRtCreateEnvironment(0, NULL, &env));
  CHECK(LiteRtCreateModelFromFile(env, path, &model));
  CHECK(LiteRtCreateOptions(&options));
  CHECK(LiteRtSetOptionsHardwareAccelerators(options, CPU));
  CHECK(LiteRtCreateCompiledModel(env, model, options, &compiled));
  CHECK(LiteRtGetModelSignature(model, 0, &sig));
  CHECK(LiteRtGetNumSignatureInputs(sig, &n_in));
  CHECK(LiteRtGetNumSignatureOutputs(sig, &n_out));
  if (n_in > MAX_TENSORS || n_out > MAX_TENSORS) die("too many tensors");
  for (index_t i = 0; i < n_in; i++) {
    CHECK(LiteRtGetSignatureInputTensorByIndex(sig, i, &tensor));
    CHECK(LiteRtGetRankedTensorType(tensor, &type));
    // A file may leave the batch open (-1); the compiled model knows it.
    CHECK(LiteRtGetCompiledModelInputTensorLayout(compiled, 0, i, &type.layout));
    CHECK(LiteRtGetCompiledModelInputBufferRequirements(compiled, 0, i, &req));
    CHECK(LiteRtCreateManagedTensorBufferFromRequirements(env, &type, req, &inputs[i]));
  }
  CHECK(LiteRtGetCompiledModelOutputTensorLayouts(compiled, 0, n_out, layouts, true));
  for (index_t i = 0; i < n_out; i++) {
    CHECK(LiteRtGetSignatureOutputTensorByIndex(sig, i, &tensor));
    CHECK(LiteRtGetRankedTensorType(tensor, &type));
    type.layout = layouts[i];
    CHECK(LiteRtGetCompiledModelOutputBufferRequirements(compiled, 0, i, &req));
    CHECK(LiteRtCreateManagedTensorBufferFromRequirements(env, &type, req, &outputs[i]));
  }
}

static void invoke(void) { CHECK(LiteRtRunCompiledModel(compiled, 0, n_in, inputs, n_out, outputs)); }

static void transfer(handle buffer, const char *path, const char *mode) {
  void *p;
  size_t size;
  FILE *f = fopen(path, mode);
  if (!f) die(path);
  CHECK(LiteRtGetTensorBufferPackedSize(buffer, &size));
  CHECK(LiteRtLockTensorBuffer(buffer, &p, *mode == 'r' ? WRITE : READ));
  size_t n = *mode == 'r' ? fread(p, 1, size, f) : fwrite(p, 1, size, f);
  CHECK(LiteRtUnlockTensorBuffer(buffer));
  fclose(f);
  if (n != size) die("short file");
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  static double batches[MAX_BATCHES];
  char path[4096];
  if (argc < 5) die("usage: peer LIBRARY MODEL SECONDS OUT_DIR INPUT...");
  load(argv[1]);
  double start = now_us();
  open_model(argv[2]);
  double init = now_us() - start;
  if ((index_t)(argc - 5) != n_in) die("number of inputs");
  for (index_t i = 0; i < n_in; i++) transfer(inputs[i], argv[5 + i], "rb");
  start = now_us();
  invoke();
  double first = now_us() - start;
  for (index_t i = 0; i < n_out; i++) {
    snprintf(path, sizeof path, "%s/out%d.bin", argv[4], (int)i);
    transfer(outputs[i], path, "wb");
  }
  // As the other side: warm up for a fifth of the time, which also tells how
  // many invokes make a batch of at least 200 us, then take the median batch.
  double total = atof(argv[3]) * 1e6;
  int runs = 0, per = 1, n = 0;
  start = now_us();
  do invoke(), runs++;
  while (now_us() - start < total / 5);
  double each = (now_us() - start) / runs;
  if (each < 200) per = (int)(200 / each) + 1;
  double end = now_us() + total;
  do {
    double t = now_us();
    for (int i = 0; i < per; i++) invoke();
    batches[n++] = (now_us() - t) / per;
  } while (now_us() < end && n < MAX_BATCHES);
  qsort(batches, n, sizeof *batches, by_value);
  printf("%f %f %f %ld %ld\n", init, first, batches[n / 2], status_field("VmHWM:"), status_field("Threads:"));
  return 0;
}
