package harness

// BattleLog is what a log of battles says: two models answered, and somebody chose.
type BattleLog struct {
	Format  string
	File    File // Import fills in all but the path
	Board   string
	Models  []string // in the order in which they appear
	Pairs   []BattlePair
	Battles int           // in the file
	Self    int           // of a model with itself, which do not count
	Odd     int           // with an outcome that is not known, which do not count
	Odds    []string      // some of those, for a person
	Again   int           // that are there again, and count as often
	AgainAt int           // the line of the first of them
	Narrow  [3]bool       // whether the file has battles that are of no later kind
	Styles  *BattleStyles // nil when not all that count say it
}

// BattlePair is the battles of two models, by their places among the models.
type BattlePair struct {
	A, B   int
	Counts [3][4]uint32 // by kind and outcome
}

// Of what kind a battle is: each kind is a part of the one before it, and counts are of
// those that are of no later one.
const (
	EveryBattle = iota
	Anonymous   // the models' names were not shown
	Sampled     // nor left out because many asked the same
)

// How a battle went for the first of a pair.
const (
	FirstWon = iota
	SecondWon
	Tied
	BothBad
)

// Count is how many battles of a kind went so.
func (p *BattlePair) Count(kind, outcome int) (n int) {
	for ; kind < len(p.Counts); kind++ {
		n += int(p.Counts[kind][outcome])
	}
	return n
}

// StyleFeatures are what is counted of each answer's style.
var StyleFeatures = []string{"tokens", "headers", "lists", "bold"}

// BattleStyles is battles one by one, with the style of both answers.
type BattleStyles struct {
	first, second []uint16 // models
	how           []uint8  // kind and outcome
	tokens        [][2]uint32
	marks         [][3][2]uint16
}

// StyledBattle is one battle of them: counts of the features for both.
type StyledBattle struct {
	A, B, Kind, Outcome int
	Style               [4][2]float64
}

// Len is the number of battles.
func (s *BattleStyles) Len() int { return len(s.how) }

// At is the battle at a place.
func (s *BattleStyles) At(i int) StyledBattle {
	b := StyledBattle{A: int(s.first[i]), B: int(s.second[i]), Kind: int(s.how[i] >> 2), Outcome: int(s.how[i] & 3)}
	b.Style[0] = [2]float64{float64(s.tokens[i][0]), float64(s.tokens[i][1])}
	for j, m := range s.marks[i] {
		b.Style[j+1] = [2]float64{float64(m[0]), float64(m[1])}
	}
	return b
}

func (s *BattleStyles) add(b StyledBattle) {
	s.first, s.second = append(s.first, uint16(b.A)), append(s.second, uint16(b.B))
	s.how = append(s.how, uint8(b.Kind<<2|b.Outcome))
	s.tokens = append(s.tokens, [2]uint32{uint32(b.Style[0][0]), uint32(b.Style[0][1])})
	var marks [3][2]uint16
	for j := range marks {
		marks[j] = [2]uint16{uint16(b.Style[j+1][0]), uint16(b.Style[j+1][1])}
	}
	s.marks = append(s.marks, marks)
}
