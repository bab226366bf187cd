package inference

import "slices"

// Cells that operators need, by what kind they are.
var (
	windowCells = []string{
		"same", "valid", "stride 1", "stride 2", "stride 3", "strides differ", "filter 1x1", "filter odd", "filter even", "filter not square",
		"several images", "1xN", "odd image",
	}
	actCells       = []string{"act none", "act relu", "act -1 to 1", "act relu6"}
	quantCells     = []string{"in zero least", "in zero most", "in zero inside", "out zero least", "out zero most", "out zero inside", "saturates"}
	scaleCells     = []string{"in scale below 0.01", "in scale above 0.1", "out scale below 0.01", "out scale above 0.1"}
	sizeCells      = []string{"whole vectors", "a tail"}
	broadcastCells = []string{
		"alike", "one element left", "one element right", "lower rank left", "lower rank right", "repeats left", "repeats right", "repeats both",
	}
	constantCells = []string{"constant right"}
	resizeCells   = []string{"plain", "aligned corners", "half pixels", "grows", "shrinks"}
	bothRules     = []string{"rule xnnpack", "rule tflite"}
)

func cellsFor(lists ...[]string) []string { return slices.Concat(lists...) }

// required lists the cells of each operator and type that a golden must fill.
func required() map[string][]string {
	layer := cellsFor(windowCells, actCells, quantCells, sizeCells)
	return map[string][]string{
		"CONV_2D int8":              cellsFor(layer, []string{"dilated", "groups", "per channel", "per tensor", "weights int8", "weights int4"}, bothRules),
		"CONV_2D uint8":             cellsFor(layer, []string{"dilated", "groups", "per tensor", "rule xnnpack"}),
		"CONV_2D float32":           cellsFor(windowCells, actCells, sizeCells, []string{"dilated", "groups", "weights float32", "weights int8", "weights int4", "per channel", "per tensor"}),
		"CONV_2D int16":             cellsFor(windowCells, actCells, sizeCells, []string{"dilated", "per channel", "per tensor", "saturates"}),
		"DEPTHWISE_CONV_2D int8":    cellsFor(layer, []string{"dilated", "multiplier 1", "multiplier above 1", "per channel", "per tensor", "weights int8", "weights int4"}, bothRules),
		"DEPTHWISE_CONV_2D uint8":   cellsFor(layer, []string{"dilated", "multiplier 1", "multiplier above 1", "rule xnnpack"}),
		"DEPTHWISE_CONV_2D float32": cellsFor(windowCells, actCells, sizeCells, []string{"dilated", "multiplier 1", "multiplier above 1", "weights float32", "weights int8"}),
		"DEPTHWISE_CONV_2D int16":   cellsFor(windowCells, actCells, sizeCells, []string{"multiplier 1", "multiplier above 1", "saturates"}),
		"TRANSPOSE_CONV int8":       cellsFor(layer, []string{"per channel", "per tensor"}, bothRules),
		"TRANSPOSE_CONV uint8":      cellsFor(layer, bothRules),
		"TRANSPOSE_CONV float32":    cellsFor(windowCells, actCells, sizeCells),
		"FULLY_CONNECTED int8":      cellsFor(actCells, quantCells, sizeCells, []string{"bias", "no bias", "per channel", "per tensor", "weights int8", "weights int4"}, bothRules),
		"FULLY_CONNECTED uint8":     cellsFor(actCells, quantCells, []string{"bias", "no bias", "rule xnnpack"}),
		"FULLY_CONNECTED float32":   cellsFor(actCells, []string{"bias", "no bias", "weights float32", "weights int8", "weights int4", "per channel", "per tensor"}),
		"AVERAGE_POOL_2D int8":      cellsFor(windowCells, actCells, quantCells, sizeCells),
		"AVERAGE_POOL_2D uint8":     cellsFor(windowCells, actCells, quantCells, sizeCells),
		"AVERAGE_POOL_2D float32":   cellsFor(windowCells, actCells, sizeCells),
		"MAX_POOL_2D int8":          cellsFor(windowCells, actCells, quantCells, sizeCells),
		"MAX_POOL_2D uint8":         cellsFor(windowCells, actCells, quantCells, sizeCells),
		"MAX_POOL_2D float32":       cellsFor(windowCells, actCells, sizeCells),
		"ADD int8":                  cellsFor(broadcastCells, constantCells, actCells, quantCells, scaleCells, sizeCells, bothRules),
		"ADD uint8":                 cellsFor(broadcastCells, actCells, quantCells, scaleCells, sizeCells, bothRules),
		"ADD float32":               cellsFor(broadcastCells, constantCells, actCells, sizeCells),
		"SUB int8":                  cellsFor(broadcastCells, constantCells, actCells, quantCells, scaleCells, sizeCells, bothRules),
		"SUB uint8":                 cellsFor(broadcastCells, actCells, quantCells, sizeCells, bothRules),
		"SUB float32":               cellsFor(broadcastCells, constantCells, actCells, sizeCells),
		"MUL int8":                  cellsFor(broadcastCells, constantCells, actCells, quantCells, scaleCells, sizeCells, bothRules),
		"MUL uint8":                 cellsFor(broadcastCells, actCells, quantCells, sizeCells, bothRules),
		"MUL float32":               cellsFor(broadcastCells, constantCells, actCells, sizeCells),
		"DIV int8":                  cellsFor([]string{"alike", "one element right", "lower rank right", "repeats right", "constant right"}, actCells, quantCells, sizeCells),
		"DIV uint8":                 cellsFor([]string{"alike", "one element right", "lower rank right", "repeats right", "constant right"}, actCells, quantCells, sizeCells),
		"MAXIMUM float32":           broadcastCells,
		"MINIMUM float32":           broadcastCells,
		"SQUARED_DIFFERENCE int8":   cellsFor(broadcastCells, quantCells),
		"MEAN int8":                 cellsFor(quantCells, []string{"keeps dimensions", "drops dimensions"}),
		"MEAN uint8":                cellsFor(quantCells, []string{"keeps dimensions", "drops dimensions"}),
		"SUM int8":                  cellsFor(quantCells, []string{"keeps dimensions", "drops dimensions"}),
		"MEAN int16":                {"keeps dimensions", "drops dimensions", "saturates"},
		"SUM int16":                 {"keeps dimensions", "drops dimensions", "saturates"},
		"RESIZE_BILINEAR int16":     resizeCells,
		"RESIZE_BILINEAR int8":      resizeCells, "RESIZE_BILINEAR uint8": resizeCells, "RESIZE_BILINEAR float32": resizeCells,
		"RESIZE_NEAREST_NEIGHBOR int8": resizeCells, "RESIZE_NEAREST_NEIGHBOR uint8": resizeCells,
		"SOFTMAX int8": {"beta 1", "another beta", "in zero least", "in zero most", "in zero inside"}, "SOFTMAX float32": {"beta 1", "another beta"},
		"QUANTIZE int8":   cellsFor(quantCells, sizeCells, bothRules),
		"QUANTIZE uint8":  cellsFor(quantCells, sizeCells, bothRules),
		"LOGISTIC int8":   cellsFor([]string{"in zero least", "in zero most", "in zero inside", "in scale above 0.1"}, sizeCells),
		"TANH int8":       cellsFor([]string{"in zero least", "in zero most", "in zero inside"}, sizeCells),
		"LEAKY_RELU int8": cellsFor(quantCells, sizeCells),
	}
}
