package stat

import (
	"errors"
	"fmt"
	"math"
	"math/big"
)

// LengthControlled is AlpacaEval 2's length-controlled win rate, from 0 to 100, of a
// model whose weights in the published regression are given, over instructions of
// which the difficulties are:
//
//	100 · mean of 1/(1+exp(−(model + slope·difficulty)))
//
// that is the regression's prediction at no difference in length. Dubois et al., arXiv
// 2404.04475. The weights are the columns not_gamed_baseline and
// instruction_difficulty of weights.csv.
func LengthControlled(model, slope float64, difficulties []float64) (float64, error) {
	if len(difficulties) == 0 {
		return 0, errors.New("no instructions")
	}
	sum := 0.0
	for i, d := range difficulties {
		logit := model + slope*d
		if math.IsNaN(logit) {
			return 0, fmt.Errorf("instruction %d: weights %v and %v, difficulty %v", i, model, slope, d)
		}
		sum += 1 / (1 + math.Exp(-logit))
	}
	return 100 * sum / float64(len(difficulties)), nil
}

// WinRates are shares of all comparisons. In Adjusted a tie is half a win.
type WinRates struct{ Win, Loss, Adjusted *big.Rat }

// WinRate is FastChat's win_rate, loss_rate and win_rate_adjusted.
func WinRate(wins, losses, ties int64) (WinRates, error) {
	n := wins + losses + ties
	if wins < 0 || losses < 0 || ties < 0 || max(wins, losses, ties) > maxPoints || n == 0 {
		return WinRates{}, fmt.Errorf("%d wins, %d losses and %d ties: want one or more in all", wins, losses, ties)
	}
	return WinRates{big.NewRat(wins, n), big.NewRat(losses, n), big.NewRat(2*wins+ties, 2*n)}, nil
}

// Judgement is one of MT-bench's, of one answer.
type Judgement struct {
	Question, Turn int
	Score          float64 // 1 to 10, or −1 where none could be read from what the judge said
}

// MTBenchScore is a model's.
type MTBenchScore struct {
	Mean       float64 // of every row but those of −1, as FastChat prints it
	Once       float64 // the same with each turn of a question once: the mean of its rows
	Rows       int     // in Mean
	Unread     int     // rows of −1
	Duplicates int     // rows in Mean beyond the first of their question and turn
}

// MTBench averages judgements. Zheng et al., arXiv 2306.05685.
func MTBench(all []Judgement) (MTBenchScore, error) {
	type answer struct{ question, turn int }
	var out MTBenchScore
	var order []answer // sums of floats depend on it
	scores := map[answer][]float64{}
	for i, j := range all {
		if j.Score == -1 {
			out.Unread++
			continue
		}
		if !(j.Score >= 0 && j.Score <= 10) {
			return MTBenchScore{}, fmt.Errorf("judgement %d: score %v, want up to 10, or -1", i, j.Score)
		}
		a := answer{j.Question, j.Turn}
		if scores[a] == nil {
			order = append(order, a)
		}
		scores[a] = append(scores[a], j.Score)
		out.Rows++
	}
	if out.Rows == 0 {
		return MTBenchScore{}, errors.New("no judgement with a score")
	}
	for _, a := range order {
		sum := 0.0
		for _, s := range scores[a] {
			sum += s
		}
		out.Mean += sum / float64(out.Rows)
		out.Once += sum / float64(len(scores[a])) / float64(len(order))
	}
	out.Duplicates = out.Rows - len(order)
	return out, nil
}
