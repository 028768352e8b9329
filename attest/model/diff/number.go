package diff

import (
	"encoding/binary"
	"math"
	"strings"
	"sync"
)

// number is a dtype whose elements are single numbers that a float64 can hold.
type number struct {
	width int // of an element in bytes
	value func(raw []byte) float64

	// Of a floating-point type: the bits of a significand, with the one that is not
	// written, the least exponent of a normal number, and the largest number. Bits is
	// 0 for integers, to which a value cannot be rounded and stay that of a cast.
	bits, least int
	most        float64
	// Beyond most is NaN, not infinity; and there is no negative zero.
	noInf, noNegative bool
}

// numbers are the dtypes whose values can be compared. The eight-bit ones are those of
// "FP8 Formats for Deep Learning" (https://arxiv.org/abs/2209.05433), and of
// https://onnx.ai/onnx/technical/float8.html where the names end in FNUZ.
var numbers = sync.OnceValue(func() map[string]*number {
	return map[string]*number{
		"F64":  {width: 8, bits: 53, least: -1022, most: math.MaxFloat64, value: func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }},
		"F32":  {width: 4, bits: 24, least: -126, most: math.MaxFloat32, value: float32At},
		"BF16": {width: 2, bits: 8, least: -126, most: 0x1.fep127, value: func(b []byte) float64 { return float32At([]byte{0, 0, b[0], b[1]}) }},
		"F16":  {width: 2, bits: 11, least: -14, most: 65504, value: fromTable(16, 10, 15, true)},

		"F8_E5M2":     {width: 1, bits: 3, least: -14, most: 57344, value: fromTable(8, 2, 15, true)},
		"F8_E4M3":     {width: 1, bits: 4, least: -6, most: 448, noInf: true, value: fromTable(8, 3, 7, false)},
		"F8_E4M3FNUZ": {width: 1, bits: 4, least: -7, most: 240, noInf: true, noNegative: true, value: fromTable(8, 3, 8, false)},
		"F8_E5M2FNUZ": {width: 1, bits: 3, least: -15, most: 57344, noInf: true, noNegative: true, value: fromTable(8, 2, 16, false)},

		"BOOL": {width: 1, value: func(b []byte) float64 { return float64(b[0]) }},
		"U8":   {width: 1, value: func(b []byte) float64 { return float64(b[0]) }},
		"I8":   {width: 1, value: func(b []byte) float64 { return float64(int8(b[0])) }},
		"U16":  {width: 2, value: func(b []byte) float64 { return float64(binary.LittleEndian.Uint16(b)) }},
		"I16":  {width: 2, value: func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) }},
		"U32":  {width: 4, value: func(b []byte) float64 { return float64(binary.LittleEndian.Uint32(b)) }},
		"I32":  {width: 4, value: func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) }},
	}
})

// numberOf is nil for a dtype whose elements cannot be compared one by one: those of
// quantised types lie in blocks, and 64-bit integers have more digits than a float64.
func numberOf(dtype string) *number {
	return numbers()[strings.TrimPrefix(dtype, "ggml:")]
}

func float32At(b []byte) float64 {
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
}

// fromTable reads a format of up to 16 bits. Where infinite, the largest exponent is
// for infinities and NaN, as IEEE 754 has it; else NaN is all ones, or with a bias of
// an FNUZ format, the sign alone.
func fromTable(width, mantissa, bias int, infinite bool) func([]byte) float64 {
	table := make([]float32, 1<<width)
	exponents := 1 << (width - 1 - mantissa)
	for code := range table {
		fraction := code & (1<<mantissa - 1)
		exponent := code >> mantissa & (exponents - 1)
		x := math.Ldexp(float64(1<<mantissa+fraction), exponent-bias-mantissa)
		switch fnuz := !infinite && bias == exponents/2; {
		case exponent == 0:
			x = math.Ldexp(float64(fraction), 1-bias-mantissa)
			if fnuz && code == 1<<(width-1) {
				x = math.NaN()
			}
		case infinite && exponent == exponents-1:
			if x = math.Inf(1); fraction > 0 {
				x = math.NaN()
			}
		case !infinite && !fnuz && code|1<<(width-1) == 1<<width-1:
			x = math.NaN()
		}
		if code>>(width-1) == 1 {
			x = -x
		}
		table[code] = float32(x)
	}
	if width == 8 {
		return func(b []byte) float64 { return float64(table[b[0]]) }
	}
	return func(b []byte) float64 { return float64(table[binary.LittleEndian.Uint16(b)]) }
}

// round is what a cast of x to the type gives: the nearest number that it has, of two
// the one whose last bit is 0 (IEEE 754's roundTiesToEven).
func (n *number) round(x float64) float64 {
	if n.bits == 53 || math.IsNaN(x) {
		return x
	}
	exponent := int(math.Float64bits(x)>>52&0x7ff) - 1023
	// A power of two, and its inverse: multiplying by them is exact.
	unit := max(exponent, n.least) - (n.bits - 1)
	x = math.RoundToEven(x*power(-unit)) * power(unit)
	switch {
	case math.Abs(x) > n.most && n.noInf:
		return math.NaN()
	case math.Abs(x) > n.most:
		return math.Copysign(math.Inf(1), x)
	case x == 0 && n.noNegative:
		return 0
	}
	return x
}

// power is 2^e for the e of normal numbers.
func power(e int) float64 { return math.Float64frombits(uint64(e+1023) << 52) }

// identical reports whether two numbers are the same, with the same sign of zero. All
// NaN are the same.
func identical(x, y float64) bool {
	return x == y && math.Signbit(x) == math.Signbit(y) || x != x && y != y
}
