// Runs a model so many times on zeros with TensorFlow Lite's C API and its XNNPACK
// delegate, one thread:
//
//   tflite MODEL RUNS
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tensorflow/lite/c/c_api.h"

// What the delegate of TensorFlow Lite 2.9 takes; its header is not in the package.
typedef struct { int32_t num_threads; uint32_t flags; } xnnpack_options;
enum { SIGNED_8 = 1, UNSIGNED_8 = 2 };
extern xnnpack_options TfLiteXNNPackDelegateOptionsDefault(void);
extern TfLiteDelegate *TfLiteXNNPackDelegateCreate(const xnnpack_options *);

static int die(const char *what) {
  fprintf(stderr, "tflite: %s\n", what);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 3) return die("usage: tflite MODEL RUNS");
  TfLiteModel *model = TfLiteModelCreateFromFile(argv[1]);
  if (!model) return die("no model");
  TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
  TfLiteInterpreterOptionsSetNumThreads(options, 1);
  xnnpack_options x = TfLiteXNNPackDelegateOptionsDefault();
  x.num_threads = 1;
  x.flags |= SIGNED_8 | UNSIGNED_8;
  TfLiteInterpreterOptionsAddDelegate(options, TfLiteXNNPackDelegateCreate(&x));
  TfLiteInterpreter *run = TfLiteInterpreterCreate(model, options);
  if (!run || TfLiteInterpreterAllocateTensors(run)) return die("no interpreter");
  for (int i = 0; i < TfLiteInterpreterGetInputTensorCount(run); i++) {
    TfLiteTensor *t = TfLiteInterpreterGetInputTensor(run, i);
    memset(TfLiteTensorData(t), 0, TfLiteTensorByteSize(t));
  }
  for (int n = atoi(argv[2]); n > 0; n--)
    if (TfLiteInterpreterInvoke(run)) return die("invoke");
  return 0;
}
