package harness

import (
	"fmt"
	"strconv"
)

// likeliest compares the accuracy of multiple choice with the likelihoods beside it: an
// item is right if the likeliest of its choices, the first of several, is the target.
type likeliest struct{ lines, others, first int }

func (l *likeliest) add(line int, sample *lmevalSample) {
	target, _ := sample.get("target").text()
	gold, err := strconv.Atoi(target)
	choices := sample.get("filtered_resps").elements()
	acc, ok := sample.get("acc").float()
	if err != nil || !ok || acc != 0 && acc != 1 || gold < 0 || gold >= len(choices) || len(choices) < 2 {
		return
	}
	best, most := 0, 0.0
	for i, c := range choices {
		pair := c.elements()
		if len(pair) != 2 {
			return
		}
		x, err := strconv.ParseFloat(plainText(pair[0]), 64)
		if err != nil || x != x {
			return
		}
		if i == 0 || x > most {
			best, most = i, x
		}
	}
	l.lines++
	if (best == gold) != (acc == 1) {
		if l.others++; l.others == 1 {
			l.first = line
		}
	}
}

// detail is what there is to tell. Where more than a few lines disagree, the task grades
// in another way.
func (l *likeliest) detail() (string, int) {
	if l.others == 0 || 10*l.others > l.lines {
		return "", 0
	}
	return fmt.Sprintf("in %d of %d lines acc is not whether the likeliest choice is the target; in all others it is", l.others, l.lines), l.first
}
