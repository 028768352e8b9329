package history

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// published is a number as it was written.
type published struct {
	value    float64
	decimals int // shown behind the point
	digits   int // significant
}

// parsePublished reads a number, with a percent sign or without.
func parsePublished(text string) (published, error) {
	s := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%"))
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(s[i+1:]); err != nil || exponent < -400 || exponent > 400 {
			return published{}, errors.New("is not a number")
		}
		mantissa = s[:i]
	}
	if strings.Trim(mantissa, "+-.0123456789") != "" || mantissa == "" {
		return published{}, errors.New("is not a number")
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(x, 0) {
		return published{}, errors.New("is not a number")
	}
	whole, fraction, _ := strings.Cut(strings.TrimLeft(mantissa, "+-"), ".")
	return published{
		value:    x,
		decimals: max(0, len(fraction)-exponent),
		digits:   len(strings.TrimLeft(whole+fraction, "0")),
	}, nil
}

// unrounded is how many digits only a number has that nobody rounded: it came out of
// floating point, and the last of them are noise.
const unrounded = 12

// noise is how far such a number may be off, relative to its size.
const noise = 1e-9

// shows reports whether x, rounded to the published digits, is the published number.
func (p published) shows(x float64) bool {
	off := math.Abs(x - p.value)
	half := 0.5 * math.Pow10(-p.decimals)
	if off <= half*(1+noise) {
		return true
	}
	return p.digits >= unrounded && off <= noise*max(math.Abs(x), math.Abs(p.value))
}

// roundedByHand is how many decimals a number has at least that somebody may have
// rounded after the harness wrote it: so many agree by chance in no file.
const roundedByHand = 4

// showsAs is shows for a number that says by its metric whether it has all its digits.
func (p published) showsAs(m harness.Metric, x float64) bool {
	if m.AllDigits && p.decimals < roundedByHand {
		return math.Abs(x-p.value) <= noise*max(math.Abs(x), math.Abs(p.value), noise)
	}
	return p.shows(x)
}

// spell writes a recomputed number with the published digits, or with those that show
// how it differs.
func (p published) spell(x float64, same bool) string {
	if !same {
		return spellPlain(x)
	}
	return spell(x, min(p.decimals, 12))
}

// spellPlain writes a number with six decimals at most.
func spellPlain(x float64) string {
	s := spell(x, 6)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func spell(x float64, decimals int) string {
	s := strconv.FormatFloat(x, 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-")
	}
	return s
}
