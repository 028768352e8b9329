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

// The public networks with the older schemes. Their rounds are from
// https://api.drand.sh/public/N, round 1000 of the testing network from tlock's tests.
var (
	defaultBeacon = Beacon{
		Name: "default", Scheme: SchemeChained, Period: 30, Genesis: 1595431050,
		Key: "868f005eb8e6e4ca0a47c8a77ceaa5309a47978a7c71bc5cce96366b5d7a569937c529eeda66c7293784a9402801af31",
	}
	testnetBeacon = Beacon{
		Name: "testnet-unchained-3s", Scheme: SchemeUnchained, Period: 3, Genesis: 1651677099,
		Key: "8200fc249deb0148eb918d6e213980c5d01acd7fc251900d9260136da3b54836ce125172399ddc69c4e3e11429b62c11",
	}
)

const (
	chained1        = `{"round":1,"randomness":"101297f1ca7dc44ef6088d94ad5fb7ba03455dc33d53ddb412bbc4564ed986ec","signature":"8d61d9100567de44682506aea1a7a6fa6e5491cd27a0a0ed349ef6910ac5ac20ff7bc3e09d7c046566c9f7f3c6f3b10104990e7cb424998203d8f7de586fb7fa5f60045417a432684f85093b06ca91c769f0e7ca19268375e659c2a2352b4655","previous_signature":"176f93498eac9ca337150b46d21dd58673ea4e3581185f869672e59fa4cb390a"}`
	chained5347804  = `{"round":5347804,"randomness":"a87619810b1b41e70a01b8f903cf69977e026f80d9fd5e4c197c298a96c61cfe","signature":"92daf5745411a415b539caebda0b523fa20d4d12b28eb2fe427decdf5dcc976046a9c83b54f1db991fa191ffca8fcbdc07563036664f6ba47dcf00593559286f667574f6b0a2ba0be2683463b5bf3472e5696ac28b75d5b2223dbb98a56c96a3","previous_signature":"b01091c60b2b1a7c1f7a79610cd94e0c06e93bd305cf04229fe1571669257d16583a02e4038fdd755e6c39944b0116e30256874eede733a79c5e72c787db3889a1678c4ea6423b467de56208c5bd8e10cc090b6e0429f7f33653086a089cc3f8"}`
	unchained1000   = `{"round":1000,"signature":"a4721e6c3eafcd823f138cd29c6c82e8c5149101d0bb4bafddbac1c2d1fe3738895e4e21dd4b8b41bf007046440220910bb1cdb91f50a84a0d7f33ff2e8577aa62ac64b35a291a728a9db5ac91e06d1312b48a376138d77b4d6ad27c24221afe"}`
	previous5347804 = `"previous_signature":"b01091`
)

func TestCheckOtherSchemes(t *testing.T) {
	for name, c := range map[string]struct {
		beacon Beacon
		file   string
		number uint64
		due    string
	}{
		"first of a chain": {defaultBeacon, chained1, 1, "2020-07-22T15:17:30Z"},
		"of a chain":       {defaultBeacon, chained5347804, 5347804, "2025-08-22T12:19:00Z"},
		"unchained on G2":  {testnetBeacon, unchained1000, 1000, "2022-05-04T16:01:36Z"},
	} {
		round, err := c.beacon.Check([]byte(c.file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if round.Number != c.number || round.Time.Format(time.RFC3339) != c.due {
			t.Errorf("%s: round %d at %s, want %d at %s", name, round.Number, round.Time.Format(time.RFC3339), c.number, c.due)
		}
	}
}

func TestCheckRefusesOtherSchemes(t *testing.T) {
	unchainedDefault, chainedTestnet := defaultBeacon, testnetBeacon
	unchainedDefault.Scheme, chainedTestnet.Scheme = SchemeUnchained, SchemeChained
	otherKey := testnetBeacon
	otherKey.Key = defaultBeacon.Key
	without := chained5347804[:strings.Index(chained5347804, `,"previous`)] + "}"
	for name, c := range map[string]struct {
		beacon Beacon
		file   string
		want   error // nil: malformed
	}{
		"other previous signature":  {defaultBeacon, strings.Replace(chained5347804, previous5347804, `"previous_signature":"b01092`, 1), ErrSignature},
		"without the previous":      {defaultBeacon, without, nil},
		"null previous":             {defaultBeacon, strings.TrimSuffix(without, "}") + `,"previous_signature":null}`, nil},
		"short previous":            {defaultBeacon, strings.TrimSuffix(without, "}") + `,"previous_signature":"b010"}`, nil},
		"genesis seed later":        {defaultBeacon, strings.Replace(chained1, `"round":1`, `"round":2`, 1), nil},
		"other round":               {defaultBeacon, strings.Replace(chained5347804, "5347804", "5347805", 1), ErrSignature},
		"randomness":                {defaultBeacon, strings.Replace(chained5347804, "a87619", "a87618", 1), ErrRandomness},
		"a chain read as unchained": {unchainedDefault, chained5347804, ErrSignature},
		"unchained read as a chain": {chainedTestnet, unchained1000, nil},
		"other key":                 {otherKey, unchained1000, ErrSignature},
		"identity":                  {testnetBeacon, `{"round":1000,"signature":"c0` + strings.Repeat("0", 190) + `"}`, ErrSignature},
		"signature of quicknet":     {testnetBeacon, round1000, nil},
		"quicknet with theirs":      {Quicknet(), unchained1000, nil},
	} {
		round, err := c.beacon.Check([]byte(c.file))
		if err == nil || round != (Round{}) {
			t.Errorf("%s: accepted", name)
			continue
		}
		if got := errors.Is(err, ErrSignature) || errors.Is(err, ErrRandomness); got != (c.want != nil) || !errors.Is(err, c.want) && c.want != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
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
		"scheme":           func(b *Beacon) { b.Scheme = "bls-unchained-on-g1" },
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

func TestRoundAt(t *testing.T) {
	b := Quicknet()
	genesis := time.Unix(b.Genesis, 0)
	for since, want := range map[time.Duration]uint64{-time.Hour: 1, 0: 1, 1: 2, 3 * time.Second: 2, 3*time.Second + 1: 3, 2997 * time.Second: 1000} {
		at := genesis.Add(since)
		got, err := b.RoundAt(at)
		due, _ := b.Time(got)
		if err != nil || got != want || due.Before(at) {
			t.Errorf("RoundAt(genesis + %s) = %d, due %s, %v; want %d", since, got, due, err, want)
		}
	}
}

func FuzzRound(f *testing.F) {
	f.Add([]byte(round1000))
	f.Add([]byte(round1))
	f.Add([]byte(chained1))
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
		if file.previous != nil {
			again = append(again, `,"previous_signature":"`+hex.EncodeToString(file.previous)+`"`...)
		}
		second, err := parseRound(append(again, '}'))
		if err != nil {
			t.Fatalf("parsing %s: %v", again, err)
		}
		if second.number != file.number || string(second.signature) != string(file.signature) || string(second.previous) != string(file.previous) || (second.stated == nil) != (file.stated == nil) {
			t.Errorf("%s became %+v", data, second)
		}
	})
}
