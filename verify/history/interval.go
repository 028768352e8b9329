package history

import "math"

// normal975 is the standard normal distribution's quantile at 0.975.
const normal975 = 1.959963984540054

// interval is a number's 95 % interval, by the normal approximation with the items
// drawn independently; nil where there is no spread to tell.
func interval(got result) *Interval {
	if got.items < 2 || got.sd == 0 {
		return nil
	}
	half := normal975 * got.sd / math.Sqrt(float64(got.items))
	low, high := got.value-half, got.value+half
	if got.top > 0 {
		low, high = max(low, 0), min(high, got.top)
	}
	return &Interval{Method: "normal 95 %", Low: spell(low, 4), High: spell(high, 4)}
}
