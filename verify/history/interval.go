package history

import (
	"math"

	"github.com/proctor-attest/proctor/verify/score/stat"
)

const level = 0.95

// interval is a mean's 95 % interval, with the items drawn independently; nil where
// there is no spread to tell.
func interval(got result) *Interval {
	if got.items < 2 || got.sd == 0 {
		return nil
	}
	if got.right >= 0 && got.top > 0 {
		if w, err := stat.Wilson(got.right, got.items, level); err == nil {
			return &Interval{Method: "Wilson 95 %", Low: spell(w.Low*got.top, 4), High: spell(w.High*got.top, 4)}
		}
	}
	n, err := (stat.Estimate{Mean: got.value, SE: got.sd / math.Sqrt(float64(got.items)), N: got.items, DDof: 1}).Normal(level)
	if err != nil {
		return nil
	}
	if got.top > 0 {
		n.Low, n.High = max(n.Low, 0), min(n.High, got.top)
	}
	return &Interval{Method: "normal 95 %", Low: spell(n.Low, 4), High: spell(n.High, 4)}
}
