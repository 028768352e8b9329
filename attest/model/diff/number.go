package diff

import (
	"encoding/binary"
	"math"
	"strings"
	"sync"
)

// number is a dtype whose elements are single numbers that a float64 can hold.
type number struct {
	width  int // of an element in bytes
	decode func(to []float64, raw []byte)

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
	le := binary.LittleEndian
	return map[string]*number{
		"F64":  {width: 8, bits: 53, least: -1022, most: math.MaxFloat64, decode: wide(8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) })},
		"F32":  {width: 4, bits: 24, least: -126, most: math.MaxFloat32, decode: wide(4, func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) })},
		"BF16": {width: 2, bits: 8, least: -126, most: 0x1.fep127, decode: table(16, func(c int) float64 { return float64(math.Float32frombits(uint32(c) << 16)) })},
		"F16":  {width: 2, bits: 11, least: -14, most: 65504, decode: table(16, format{16, 10, 15, true}.value)},

		"F8_E5M2":     {width: 1, bits: 3, least: -14, most: 57344, decode: table(8, format{8, 2, 15, true}.value)},
		"F8_E4M3":     {width: 1, bits: 4, least: -6, most: 448, noInf: true, decode: table(8, format{8, 3, 7, false}.value)},
		"F8_E4M3FNUZ": {width: 1, bits: 4, least: -7, most: 240, noInf: true, noNegative: true, decode: table(8, format{8, 3, 8, false}.value)},
		"F8_E5M2FNUZ": {width: 1, bits: 3, least: -15, most: 57344, noInf: true, noNegative: true, decode: table(8, format{8, 2, 16, false}.value)},

		"BOOL": {width: 1, decode: table(8, func(c int) float64 { return float64(c) })},
		"U8":   {width: 1, decode: table(8, func(c int) float64 { return float64(c) })},
		"I8":   {width: 1, decode: table(8, func(c int) float64 { return float64(int8(c)) })},
		"U16":  {width: 2, decode: table(16, func(c int) float64 { return float64(c) })},
		"I16":  {width: 2, decode: table(16, func(c int) float64 { return float64(int16(c)) })},
		"U32":  {width: 4, decode: wide(4, func(b []byte) float64 { return float64(le.Uint32(b)) })},
		"I32":  {width: 4, decode: wide(4, func(b []byte) float64 { return float64(int32(le.Uint32(b))) })},
	}
})

// numberOf is nil for a dtype whose elements cannot be compared one by one: those of
// quantised types lie in blocks, and 64-bit integers have more digits than a float64.
func numberOf(dtype string) *number {
	return numbers()[strings.TrimPrefix(dtype, "ggml:")]
}

func wide(width int, value func([]byte) float64) func([]float64, []byte) {
	return func(to []float64, raw []byte) {
		for i := range to {
			to[i] = value(raw[i*width : (i+1)*width])
		}
	}
}

// table decodes elements of 8 or 16 bits by the values of all codes, which are made when
// they are first needed.
func table(width int, value func(code int) float64) func([]float64, []byte) {
	all := sync.OnceValue(func() []float32 {
		table := make([]float32, 1<<width)
		for code := range table {
			table[code] = float32(value(code))
		}
		return table
	})
	return func(to []float64, raw []byte) {
		values := all()
		if width == 8 {
			for i := range to {
				to[i] = float64(values[raw[i]])
			}
			return
		}
		for i := range to {
			to[i] = float64(values[binary.LittleEndian.Uint16(raw[2*i:])])
		}
	}
}

// format is a floating-point format of few bits. Where infinite, the largest exponent is
// for infinities and NaN, as IEEE 754 has it; else NaN is all ones, or with the bias of an
// FNUZ format, the sign alone.
type format struct {
	width, mantissa, bias int
	infinite              bool
}

func (f format) value(code int) float64 {
	exponents := 1 << (f.width - 1 - f.mantissa)
	fraction := code & (1<<f.mantissa - 1)
	exponent := code >> f.mantissa & (exponents - 1)
	fnuz := !f.infinite && f.bias == exponents/2
	x := math.Ldexp(float64(1<<f.mantissa+fraction), exponent-f.bias-f.mantissa)
	switch {
	case exponent == 0 && fnuz && code == 1<<(f.width-1):
		return math.NaN()
	case exponent == 0:
		x = math.Ldexp(float64(fraction), 1-f.bias-f.mantissa)
	case f.infinite && exponent == exponents-1 && fraction > 0:
		return math.NaN()
	case f.infinite && exponent == exponents-1:
		x = math.Inf(1)
	case !f.infinite && !fnuz && code|1<<(f.width-1) == 1<<f.width-1:
		return math.NaN()
	}
	if code>>(f.width-1) == 1 {
		x = -x
	}
	return x
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
	return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
}
