package harness

import "strconv"

// style keeps the style of a battle's answers. Once a battle says nothing of it, or
// something else, there are none for the whole log: ratings that are adjusted for style
// need that of every battle.
func (r *battleReader) style(metadata foreign, b StyledBattle) {
	s := r.log.Styles
	if s == nil {
		return
	}
	if !metadata.isObject() || !styleOf(metadata, &b) {
		r.log.Styles = nil
		return
	}
	s.add(b)
}

// styleMembers are by feature and answer; all but the tokens are counts by kind.
var styleMembers = [4][2]string{
	{"sum_assistant_a_tokens", "sum_assistant_b_tokens"},
	{"header_count_a", "header_count_b"},
	{"list_count_a", "list_count_b"},
	{"bold_count_a", "bold_count_b"},
}

func styleOf(metadata foreign, b *StyledBattle) bool {
	found := 0
	for _, m := range metadata.members() {
		for i, names := range styleMembers {
			for j, name := range names {
				if m.name != name {
					continue
				}
				limit := maxMarks
				if i == 0 {
					limit = maxTokens
				}
				n, ok := countsIn(m.value)
				if !ok || n > limit {
					return false
				}
				b.Style[i][j] = float64(n)
				found++
			}
		}
	}
	return found == 2*len(styleMembers)
}

// countsIn is a count, or the sum of an object of them.
func countsIn(v foreign) (sum int, ok bool) {
	if !v.isObject() {
		n, err := strconv.ParseUint(string(v), 10, 32)
		return int(n), err == nil
	}
	for _, m := range v.members() {
		n, err := strconv.ParseUint(string(m.value), 10, 32)
		if sum += int(n); err != nil || sum > maxTokens {
			return 0, false
		}
	}
	return sum, true
}
