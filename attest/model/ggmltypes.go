package model

import (
	"fmt"
	"math/bits"
)

// ggmlPrefix begins the dtype of a tensor in a GGUF.
const ggmlPrefix = "ggml:"

// ggmlType is how ggml stores numbers: blocks of so many elements and bytes.
type ggmlType struct {
	name            string
	elements, bytes uint64
}

// ggmlTypes are the types of ggml by their number in a GGUF, as in the gguf
// package 0.19.0 of its authors. Numbers that are left out were withdrawn.
var ggmlTypes = map[uint32]ggmlType{
	0:  {"F32", 1, 4},
	1:  {"F16", 1, 2},
	2:  {"Q4_0", 32, 18},
	3:  {"Q4_1", 32, 20},
	6:  {"Q5_0", 32, 22},
	7:  {"Q5_1", 32, 24},
	8:  {"Q8_0", 32, 34},
	9:  {"Q8_1", 32, 40},
	10: {"Q2_K", 256, 84},
	11: {"Q3_K", 256, 110},
	12: {"Q4_K", 256, 144},
	13: {"Q5_K", 256, 176},
	14: {"Q6_K", 256, 210},
	15: {"Q8_K", 256, 292},
	16: {"IQ2_XXS", 256, 66},
	17: {"IQ2_XS", 256, 74},
	18: {"IQ3_XXS", 256, 98},
	19: {"IQ1_S", 256, 50},
	20: {"IQ4_NL", 32, 18},
	21: {"IQ3_S", 256, 110},
	22: {"IQ2_S", 256, 82},
	23: {"IQ4_XS", 256, 136},
	24: {"I8", 1, 1},
	25: {"I16", 1, 2},
	26: {"I32", 1, 4},
	27: {"I64", 1, 8},
	28: {"F64", 1, 8},
	29: {"IQ1_M", 256, 56},
	30: {"BF16", 1, 2},
	34: {"TQ1_0", 256, 54},
	35: {"TQ2_0", 256, 66},
	39: {"MXFP4", 32, 17},
	40: {"NVFP4", 64, 36},
	41: {"Q1_0", 128, 18},
}

// sizeOfGGML is the number of bytes that a type and shape make. Blocks lie along
// the first dimension, which they must fill.
func sizeOfGGML(name string, shape []uint64) (uint64, error) {
	for _, t := range ggmlTypes {
		if t.name == name {
			return t.size(shape)
		}
	}
	return 0, fmt.Errorf("type %.80q is not one of ggml", name)
}

func (t ggmlType) size(shape []uint64) (uint64, error) {
	row := uint64(1)
	if len(shape) > 0 {
		row = shape[0]
	}
	if row%t.elements != 0 {
		return 0, fmt.Errorf("shape %v: rows of %d do not fill the blocks of %d that %s has", clipShape(shape), row, t.elements, t.name)
	}
	total := row / t.elements * t.bytes
	if row/t.elements > (1<<64-1)/t.bytes {
		return 0, fmt.Errorf("shape %v of %s overflows 64 bits", clipShape(shape), t.name)
	}
	for _, dim := range shape[min(1, len(shape)):] {
		over, product := bits.Mul64(total, dim)
		if over != 0 {
			return 0, fmt.Errorf("shape %v of %s overflows 64 bits", clipShape(shape), t.name)
		}
		total = product
	}
	return total, nil
}
