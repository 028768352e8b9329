package harness

// allDigits are the formats whose harness writes its numbers into JSON with all their
// digits. There 0.5 says that it is one half, and not that it is somewhere around it:
// read to one digit, half of some items would be as many as a few more or fewer.
var allDigits = map[string]bool{
	LMEval: true, Inspect: true, "helm": true, "openai-evals": true, "evalplus": true,
}

// markDigits says of the numbers that runs state whether they have all their digits.
func markDigits(runs []*Run) {
	for _, r := range runs {
		for i := range r.Aggregates {
			r.Aggregates[i].AllDigits = allDigits[r.Format]
		}
	}
}
