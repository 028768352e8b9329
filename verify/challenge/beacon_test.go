package challenge

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	signature1000  = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
	randomness1000 = "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"
	round1000      = `{"round":1000,"randomness":"` + randomness1000 + `","signature":"` + signature1000 + `"}`

	// The first round of the public network and the key of its testing network.
	round1     = `{"round":1,"randomness":"1466a6cd24e327188770752f6134001c64d6efcc590ccc26b721611ad96f165a","signature":"b55e7cb2d5c613ee0b2e28d6750aabbb78c39dcc96bd9d38c2c2e12198df95571de8e8e402a0cc48871c7089a2b3af4b"}`
	testingKey = "b15b65b46fb29104f6a4b5d1e11a8da6344463973d423661bb0804846a0ecd1ef93c25057f1c0baab2ac53e56c662b66072f6d84ee791a3382bfb055afab1e6a375538d8ffc451104ac971d2dc9b168e2d3246b0be2015969cbaac298f6502da"
)

func TestCheckQuicknet(t *testing.T) {
	round, err := Quicknet().Check([]byte(round1000))
	if err != nil {
		t.Fatal(err)
	}
	if got := round.Randomness.String(); got != randomness1000 {
		t.Errorf("randomness = %s, want %s", got, randomness1000)
	}
	if want := time.Unix(1692803367+999*3, 0).UTC(); round.Number != 1000 || round.Time != want {
		t.Errorf("round %d at %v, want 1000 at %v", round.Number, round.Time, want)
	}
	for name, file := range map[string]string{
		"round 1":          round1,
		"extra members":    `{"round":1000,"previous_signature":null,"signature":"` + signature1000 + `","x":[1e400]}`,
		"spaces, reversed": "\n{ \"signature\" : \"" + signature1000 + "\",\n \"round\" : 1000 }\n",
	} {
		if _, err := Quicknet().Check([]byte(file)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	identity := "c0" + strings.Repeat("0", 94)
	flipped := signature1000[:95] + "8"
	// The curve has points outside the subgroup that signatures live in: x = 4 is one.
	outside := "80" + strings.Repeat("0", 93) + "4"
	file := func(signature string) string { return `{"round":1000,"signature":"` + signature + `"}` }
	other := Quicknet()
	other.Key = testingKey
	for name, c := range map[string]struct {
		beacon Beacon
		file   string
		want   error // nil: malformed
	}{
		"flipped bit":         {Quicknet(), file(flipped), ErrSignature},
		"flipped sign":        {Quicknet(), file("9" + signature1000[1:]), ErrSignature},
		"other round":         {Quicknet(), strings.Replace(round1000, "1000", "1001", 1), ErrSignature},
		"other key":           {other, round1000, ErrSignature},
		"identity":            {Quicknet(), file(identity), ErrSignature},
		"outside subgroup":    {Quicknet(), file(outside), ErrSignature},
		"wrong randomness":    {Quicknet(), strings.Replace(round1000, "fe290b", "fe290c", 1), ErrRandomness},
		"truncated signature": {Quicknet(), file(signature1000[:94]), nil},
		"longer signature":    {Quicknet(), file(signature1000 + "00"), nil},
		"upper case":          {Quicknet(), file(strings.ToUpper(signature1000)), nil},
		"truncated file":      {Quicknet(), round1000[:len(round1000)-1], nil},
		"trailing data":       {Quicknet(), round1000 + "{}", nil},
		"duplicate round":     {Quicknet(), `{"round":1000,` + round1000[1:], nil},
		"other letter case":   {Quicknet(), `{"Round":1000,"signature":"` + signature1000 + `"}`, nil},
		"no signature":        {Quicknet(), `{"round":1000}`, nil},
		"null signature":      {Quicknet(), `{"round":1000,"signature":null}`, nil},
		"null randomness":     {Quicknet(), `{"randomness":null,` + file(signature1000)[1:], nil},
		"round zero":          {Quicknet(), strings.Replace(round1000, "1000", "0", 1), nil},
		"round 1e3":           {Quicknet(), strings.Replace(round1000, "1000", "1e3", 1), nil},
		"round as a string":   {Quicknet(), strings.Replace(round1000, "1000", `"1000"`, 1), nil},
		"round beyond u64":    {Quicknet(), strings.Replace(round1000, "1000", "18446744073709551616", 1), nil},
		"round beyond time":   {Quicknet(), strings.Replace(round1000, "1000", "18446744073709551615", 1), nil},
		"not an object":       {Quicknet(), `[]`, nil},
		"null":                {Quicknet(), `null`, nil},
		"empty":               {Quicknet(), ``, nil},
		"too large":           {Quicknet(), round1000 + strings.Repeat(" ", MaxRoundSize), nil},
	} {
		round, err := c.beacon.Check([]byte(c.file))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if got := errors.Is(err, ErrSignature) || errors.Is(err, ErrRandomness); got != (c.want != nil) || !errors.Is(err, c.want) && c.want != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if round != (Round{}) {
			t.Errorf("%s: a round beside the error: %v", name, round)
		}
	}
}

func TestValid(t *testing.T) {
	if err := Quicknet().Valid(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Beacon){
		"scheme":           func(b *Beacon) { b.Scheme = "pedersen-bls-chained" },
		"period":           func(b *Beacon) { b.Period = 0 },
		"genesis":          func(b *Beacon) { b.Genesis = -1 },
		"identity key":     func(b *Beacon) { b.Key = "c0" + strings.Repeat("00", 95) },
		"short key":        func(b *Beacon) { b.Key = b.Key[:190] },
		"key off curve":    func(b *Beacon) { b.Key = b.Key[:191] + "b" },
		"uncompressed key": func(b *Beacon) { b.Key = strings.Repeat("00", 192) },
		"not hex":          func(b *Beacon) { b.Key = "x" + b.Key[1:] },
	} {
		b := Quicknet()
		change(&b)
		if err := b.Valid(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTime(t *testing.T) {
	b := Quicknet()
	if got, err := b.Time(1); err != nil || got.Unix() != b.Genesis {
		t.Errorf("Time(1) = %v, %v", got, err)
	}
	for _, round := range []uint64{0, math.MaxUint64, 1 << 62, (lastSecond-1692803367)/3 + 2} {
		if got, err := b.Time(round); err == nil {
			t.Errorf("Time(%d) = %v, want an error", round, got)
		}
	}
	if got, err := b.Time((lastSecond-1692803367)/3 + 1); err != nil || got.Year() != 9999 {
		t.Errorf("last round is due %v, %v", got, err)
	}
}

func FuzzRound(f *testing.F) {
	f.Add([]byte(round1000))
	f.Add([]byte(round1))
	f.Add([]byte(`{"round":1,"signature":"","randomness":"x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parseRound(data)
		if err != nil {
			return
		}
		again := []byte(`{"round":` + strconv.FormatUint(file.number, 10) + `,"signature":"` + hex.EncodeToString(file.signature) + `"`)
		if file.stated != nil {
			again = append(again, `,"randomness":"`+file.stated.String()+`"`...)
		}
		second, err := parseRound(append(again, '}'))
		if err != nil {
			t.Fatalf("parsing %s: %v", again, err)
		}
		if second.number != file.number || string(second.signature) != string(file.signature) || (second.stated == nil) != (file.stated == nil) {
			t.Errorf("%s became %+v", data, second)
		}
	})
}
