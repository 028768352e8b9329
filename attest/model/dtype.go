package model

import (
	"fmt"
	"math/bits"
	"strings"
)

// dtypeBits is the size in bits of one element of every dtype of the
// safetensors specification.
var dtypeBits = map[string]uint64{
	"F4":      4,
	"F6_E2M3": 6, "F6_E3M2": 6,
	"BOOL": 8, "U8": 8, "I8": 8,
	"F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
	"U16": 16, "I16": 16, "F16": 16, "BF16": 16,
	"U32": 32, "I32": 32, "F32": 32,
	"U64": 64, "I64": 64, "F64": 64, "C64": 64,
}

// maxRank is how many dimensions a tensor can have in the frameworks.
const maxRank = 64

// sizeOf is the number of bytes that dtype and shape make. A tensor of a dtype
// below one byte must fill its last byte: the format has no padding.
func sizeOf(dtype string, shape []uint64) (uint64, error) {
	if name, ok := strings.CutPrefix(dtype, ggmlPrefix); ok {
		return sizeOfGGML(name, shape)
	}
	width, ok := dtypeBits[dtype]
	if !ok {
		return 0, fmt.Errorf("dtype %.80q is not one of the safetensors specification", dtype)
	}
	if len(shape) > maxRank {
		return 0, fmt.Errorf("shape has %d dimensions, the most is %d", len(shape), maxRank)
	}
	total := width
	for _, dim := range shape {
		over, product := bits.Mul64(total, dim)
		if over != 0 {
			return 0, fmt.Errorf("shape %v of %s overflows 64 bits", clipShape(shape), dtype)
		}
		total = product
	}
	if total%8 != 0 {
		return 0, fmt.Errorf("shape %v of %s makes %d bits, which is not a whole number of bytes", clipShape(shape), dtype, total)
	}
	return total / 8, nil
}

// clipShape shortens a shape that goes into an error.
func clipShape(shape []uint64) string {
	const most = 8
	if len(shape) > most {
		return fmt.Sprintf("%d… (%d dimensions)", shape[:most], len(shape))
	}
	return fmt.Sprint(shape)
}
