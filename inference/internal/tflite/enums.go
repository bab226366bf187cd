package tflite

// Op is a builtin operator code.
type Op int32

// Operators that the engine lowers, and CUSTOM, which stands for all others.
const (
	ADD                          Op = 0
	AVERAGE_POOL_2D              Op = 1
	CONCATENATION                Op = 2
	CONV_2D                      Op = 3
	DEPTHWISE_CONV_2D            Op = 4
	DEPTH_TO_SPACE               Op = 5
	DEQUANTIZE                   Op = 6
	FLOOR                        Op = 8
	FULLY_CONNECTED              Op = 9
	L2_NORMALIZATION             Op = 11
	LOGISTIC                     Op = 14
	LSTM                         Op = 16
	MAX_POOL_2D                  Op = 17
	MUL                          Op = 18
	RELU                         Op = 19
	RELU_N1_TO_1                 Op = 20
	RELU6                        Op = 21
	RESHAPE                      Op = 22
	RESIZE_BILINEAR              Op = 23
	SOFTMAX                      Op = 25
	SPACE_TO_DEPTH               Op = 26
	SVDF                         Op = 27
	TANH                         Op = 28
	CUSTOM                       Op = 32
	PAD                          Op = 34
	GATHER                       Op = 36
	BATCH_TO_SPACE_ND            Op = 37
	SPACE_TO_BATCH_ND            Op = 38
	TRANSPOSE                    Op = 39
	MEAN                         Op = 40
	SUB                          Op = 41
	DIV                          Op = 42
	SQUEEZE                      Op = 43
	UNIDIRECTIONAL_SEQUENCE_LSTM Op = 44
	STRIDED_SLICE                Op = 45
	EXP                          Op = 47
	TOPK_V2                      Op = 48
	SPLIT                        Op = 49
	LOG_SOFTMAX                  Op = 50
	BIDIRECTIONAL_SEQUENCE_LSTM  Op = 52
	CAST                         Op = 53
	PRELU                        Op = 54
	MAXIMUM                      Op = 55
	ARG_MAX                      Op = 56
	MINIMUM                      Op = 57
	LESS                         Op = 58
	NEG                          Op = 59
	PADV2                        Op = 60
	GREATER                      Op = 61
	GREATER_EQUAL                Op = 62
	LESS_EQUAL                   Op = 63
	SELECT                       Op = 64
	SLICE                        Op = 65
	SIN                          Op = 66
	TRANSPOSE_CONV               Op = 67
	TILE                         Op = 69
	EXPAND_DIMS                  Op = 70
	EQUAL                        Op = 71
	NOT_EQUAL                    Op = 72
	LOG                          Op = 73
	SUM                          Op = 74
	SQRT                         Op = 75
	RSQRT                        Op = 76
	SHAPE                        Op = 77
	POW                          Op = 78
	ARG_MIN                      Op = 79
	REDUCE_PROD                  Op = 81
	REDUCE_MAX                   Op = 82
	PACK                         Op = 83
	LOGICAL_OR                   Op = 84
	ONE_HOT                      Op = 85
	LOGICAL_AND                  Op = 86
	LOGICAL_NOT                  Op = 87
	UNPACK                       Op = 88
	REDUCE_MIN                   Op = 89
	FLOOR_DIV                    Op = 90
	REDUCE_ANY                   Op = 91
	SQUARE                       Op = 92
	FILL                         Op = 94
	FLOOR_MOD                    Op = 95
	RANGE                        Op = 96
	RESIZE_NEAREST_NEIGHBOR      Op = 97
	LEAKY_RELU                   Op = 98
	SQUARED_DIFFERENCE           Op = 99
	MIRROR_PAD                   Op = 100
	ABS                          Op = 101
	SPLIT_V                      Op = 102
	CEIL                         Op = 104
	REVERSE_V2                   Op = 105
	GATHER_ND                    Op = 107
	COS                          Op = 108
	WHERE                        Op = 109
	ELU                          Op = 111
	QUANTIZE                     Op = 114
	ROUND                        Op = 116
	HARD_SWISH                   Op = 117
	IF                           Op = 118
	WHILE                        Op = 119
	NON_MAX_SUPPRESSION_V4       Op = 120
	NON_MAX_SUPPRESSION_V5       Op = 121
	SCATTER_ND                   Op = 122
	SELECT_V2                    Op = 123
	DENSIFY                      Op = 124
	BATCH_MATMUL                 Op = 126
	CUMSUM                       Op = 128
	CALL_ONCE                    Op = 129
	BROADCAST_TO                 Op = 130
	RFFT2D                       Op = 131
	COMPLEX_ABS                  Op = 135
	REDUCE_ALL                   Op = 140
	VAR_HANDLE                   Op = 142
	READ_VARIABLE                Op = 143
	ASSIGN_VARIABLE              Op = 144
	GELU                         Op = 150
	RELU_0_TO_1                  Op = 152
	ATAN2                        Op = 156
	SIGN                         Op = 158
	STABLEHLO_COMPOSITE          Op = 206
)

func (o Op) String() string {
	if o < 0 || int(o) >= len(opNames) {
		return "UNKNOWN"
	}
	return opNames[o]
}

// opNames lists enum BuiltinOperator of schema.fbs in order.
var opNames = [...]string{
	"ADD",
	"AVERAGE_POOL_2D",
	"CONCATENATION",
	"CONV_2D",
	"DEPTHWISE_CONV_2D",
	"DEPTH_TO_SPACE",
	"DEQUANTIZE",
	"EMBEDDING_LOOKUP",
	"FLOOR",
	"FULLY_CONNECTED",
	"HASHTABLE_LOOKUP",
	"L2_NORMALIZATION",
	"L2_POOL_2D",
	"LOCAL_RESPONSE_NORMALIZATION",
	"LOGISTIC",
	"LSH_PROJECTION",
	"LSTM",
	"MAX_POOL_2D",
	"MUL",
	"RELU",
	"RELU_N1_TO_1",
	"RELU6",
	"RESHAPE",
	"RESIZE_BILINEAR",
	"RNN",
	"SOFTMAX",
	"SPACE_TO_DEPTH",
	"SVDF",
	"TANH",
	"CONCAT_EMBEDDINGS",
	"SKIP_GRAM",
	"CALL",
	"CUSTOM",
	"EMBEDDING_LOOKUP_SPARSE",
	"PAD",
	"UNIDIRECTIONAL_SEQUENCE_RNN",
	"GATHER",
	"BATCH_TO_SPACE_ND",
	"SPACE_TO_BATCH_ND",
	"TRANSPOSE",
	"MEAN",
	"SUB",
	"DIV",
	"SQUEEZE",
	"UNIDIRECTIONAL_SEQUENCE_LSTM",
	"STRIDED_SLICE",
	"BIDIRECTIONAL_SEQUENCE_RNN",
	"EXP",
	"TOPK_V2",
	"SPLIT",
	"LOG_SOFTMAX",
	"DELEGATE",
	"BIDIRECTIONAL_SEQUENCE_LSTM",
	"CAST",
	"PRELU",
	"MAXIMUM",
	"ARG_MAX",
	"MINIMUM",
	"LESS",
	"NEG",
	"PADV2",
	"GREATER",
	"GREATER_EQUAL",
	"LESS_EQUAL",
	"SELECT",
	"SLICE",
	"SIN",
	"TRANSPOSE_CONV",
	"SPARSE_TO_DENSE",
	"TILE",
	"EXPAND_DIMS",
	"EQUAL",
	"NOT_EQUAL",
	"LOG",
	"SUM",
	"SQRT",
	"RSQRT",
	"SHAPE",
	"POW",
	"ARG_MIN",
	"FAKE_QUANT",
	"REDUCE_PROD",
	"REDUCE_MAX",
	"PACK",
	"LOGICAL_OR",
	"ONE_HOT",
	"LOGICAL_AND",
	"LOGICAL_NOT",
	"UNPACK",
	"REDUCE_MIN",
	"FLOOR_DIV",
	"REDUCE_ANY",
	"SQUARE",
	"ZEROS_LIKE",
	"FILL",
	"FLOOR_MOD",
	"RANGE",
	"RESIZE_NEAREST_NEIGHBOR",
	"LEAKY_RELU",
	"SQUARED_DIFFERENCE",
	"MIRROR_PAD",
	"ABS",
	"SPLIT_V",
	"UNIQUE",
	"CEIL",
	"REVERSE_V2",
	"ADD_N",
	"GATHER_ND",
	"COS",
	"WHERE",
	"RANK",
	"ELU",
	"REVERSE_SEQUENCE",
	"MATRIX_DIAG",
	"QUANTIZE",
	"MATRIX_SET_DIAG",
	"ROUND",
	"HARD_SWISH",
	"IF",
	"WHILE",
	"NON_MAX_SUPPRESSION_V4",
	"NON_MAX_SUPPRESSION_V5",
	"SCATTER_ND",
	"SELECT_V2",
	"DENSIFY",
	"SEGMENT_SUM",
	"BATCH_MATMUL",
	"PLACEHOLDER_FOR_GREATER_OP_CODES",
	"CUMSUM",
	"CALL_ONCE",
	"BROADCAST_TO",
	"RFFT2D",
	"CONV_3D",
	"IMAG",
	"REAL",
	"COMPLEX_ABS",
	"HASHTABLE",
	"HASHTABLE_FIND",
	"HASHTABLE_IMPORT",
	"HASHTABLE_SIZE",
	"REDUCE_ALL",
	"CONV_3D_TRANSPOSE",
	"VAR_HANDLE",
	"READ_VARIABLE",
	"ASSIGN_VARIABLE",
	"BROADCAST_ARGS",
	"RANDOM_STANDARD_NORMAL",
	"BUCKETIZE",
	"RANDOM_UNIFORM",
	"MULTINOMIAL",
	"GELU",
	"DYNAMIC_UPDATE_SLICE",
	"RELU_0_TO_1",
	"UNSORTED_SEGMENT_PROD",
	"UNSORTED_SEGMENT_MAX",
	"UNSORTED_SEGMENT_SUM",
	"ATAN2",
	"UNSORTED_SEGMENT_MIN",
	"SIGN",
	"BITCAST",
	"BITWISE_XOR",
	"RIGHT_SHIFT",
	"STABLEHLO_LOGISTIC",
	"STABLEHLO_ADD",
	"STABLEHLO_DIVIDE",
	"STABLEHLO_MULTIPLY",
	"STABLEHLO_MAXIMUM",
	"STABLEHLO_RESHAPE",
	"STABLEHLO_CLAMP",
	"STABLEHLO_CONCATENATE",
	"STABLEHLO_BROADCAST_IN_DIM",
	"STABLEHLO_CONVOLUTION",
	"STABLEHLO_SLICE",
	"STABLEHLO_CUSTOM_CALL",
	"STABLEHLO_REDUCE",
	"STABLEHLO_ABS",
	"STABLEHLO_AND",
	"STABLEHLO_COSINE",
	"STABLEHLO_EXPONENTIAL",
	"STABLEHLO_FLOOR",
	"STABLEHLO_LOG",
	"STABLEHLO_MINIMUM",
	"STABLEHLO_NEGATE",
	"STABLEHLO_OR",
	"STABLEHLO_POWER",
	"STABLEHLO_REMAINDER",
	"STABLEHLO_RSQRT",
	"STABLEHLO_SELECT",
	"STABLEHLO_SUBTRACT",
	"STABLEHLO_TANH",
	"STABLEHLO_SCATTER",
	"STABLEHLO_COMPARE",
	"STABLEHLO_CONVERT",
	"STABLEHLO_DYNAMIC_SLICE",
	"STABLEHLO_DYNAMIC_UPDATE_SLICE",
	"STABLEHLO_PAD",
	"STABLEHLO_IOTA",
	"STABLEHLO_DOT_GENERAL",
	"STABLEHLO_REDUCE_WINDOW",
	"STABLEHLO_SORT",
	"STABLEHLO_WHILE",
	"STABLEHLO_GATHER",
	"STABLEHLO_TRANSPOSE",
	"DILATE",
	"STABLEHLO_RNG_BIT_GENERATOR",
	"REDUCE_WINDOW",
	"STABLEHLO_COMPOSITE",
	"STABLEHLO_SHIFT_LEFT",
	"STABLEHLO_CBRT",
	"STABLEHLO_CASE",
}

// TensorType is the element type as the file numbers it.
type TensorType byte

// Element types.
const (
	TypeFloat32       TensorType = 0
	TypeFloat16       TensorType = 1
	TypeInt32         TensorType = 2
	TypeUint8         TensorType = 3
	TypeInt64         TensorType = 4
	TypeString        TensorType = 5
	TypeBool          TensorType = 6
	TypeInt16         TensorType = 7
	TypeComplex64     TensorType = 8
	TypeInt8          TensorType = 9
	TypeFloat64       TensorType = 10
	TypeComplex128    TensorType = 11
	TypeUint64        TensorType = 12
	TypeResource      TensorType = 13
	TypeVariant       TensorType = 14
	TypeUint32        TensorType = 15
	TypeUint16        TensorType = 16
	TypeInt4          TensorType = 17
	TypeBfloat16      TensorType = 18
	TypeInt2          TensorType = 19
	TypeUint4         TensorType = 20
	TypeFloat8_e4m3fn TensorType = 21
	TypeFloat8_e5m2   TensorType = 22
)

func (t TensorType) String() string {
	if int(t) >= len(typeNames) {
		return "unknown"
	}
	return typeNames[t]
}

var typeNames = [...]string{
	"float32",
	"float16",
	"int32",
	"uint8",
	"int64",
	"string",
	"bool",
	"int16",
	"complex64",
	"int8",
	"float64",
	"complex128",
	"uint64",
	"resource",
	"variant",
	"uint32",
	"uint16",
	"int4",
	"bfloat16",
	"int2",
	"uint4",
	"float8_e4m3fn",
	"float8_e5m2",
}
