package kernel

// Numbers that choose between ways to the same result, by what was faster. Others in
// their place change no result: scripts/mutate/mutate.py has all tests pass with them.
const (
	// panelInL1 is how many elements of a panel of floats stay in the first cache while
	// the pixels pass by; longer ones stay with the pixels.
	panelInL1 = 10 << 10

	// panelsInL1x8 is how many int32 of panels stay there; larger ones stay with the pixels.
	panelsInL1x8 = 8 << 10

	// chainInL1 is how many int32 of panels one call goes through: half of a first cache of
	// 32 KiB is for inputs and outputs.
	chainInL1 = 4 << 10

	// linesInL1 is how many bytes of inputs pass by a panel before the next one.
	linesInL1 = 12 << 10

	// longColumn is how many blocks of rows a column has whose largest is found by blocks.
	longColumn = 2

	// minTiles is how many tiles of pixels a line has that kernels take in one call.
	minTiles = 2

	// minLine is the least pixels of a line that a block of its own does well with.
	minLine = 3

	// minColumn is the height from which a column of pixels is computed as a row. A set of
	// rows then holds one of them only, but all pixels share its interleaving and a call.
	minColumn = 4

	// batch16 is the most pixels whose sums wait for each other.
	batch16 = 24

	// depthwiseSums16 is about how many sums wait for each other.
	depthwiseSums16 = 4096

	// minPaired is the number of output channels from which pairing pays.
	minPaired = 8

	// dotOutputs is how many outputs of one pixel are multiplied one by one, along their
	// inputs: a panel would hold more zeros than weights.
	dotOutputs = 4

	// shallow is below how many inputs of one panel a flip by a copy does not pay.
	shallow = 128

	// minPanels is the number of panels a worker from which workers share panels, not pixels.
	minPanels = 2

	// minInner is how many sums beside each other pay for the vector kernel.
	minInner = 8
)
