package main

import "testing"

func TestVersions(t *testing.T) {
	for _, c := range []struct{ text, whole, debian, alpine string }{
		{"1.2.3", "1.2.3", "1.2.3", "1.2.3"},
		{"v1.2.3", "1.2.3", "1.2.3", "1.2.3"},
		{"1.2.3-rc1", "1.2.3-rc1", "1.2.3~rc1", "1.2.3_rc1"},
		{"1.2.3-rc.1", "1.2.3-rc.1", "1.2.3~rc.1", "1.2.3_rc1"},
		{"1.2.3-next-try", "1.2.3-next-try", "1.2.3~next.try", "1.2.3_pre"},
		{"1.2.3+5.gabc", "1.2.3+5.gabc", "1.2.3+5.gabc", "1.2.3_p5"},
		{"1.2.3-beta2+5.gabc.dirty", "1.2.3-beta2+5.gabc.dirty", "1.2.3~beta2+5.gabc.dirty", "1.2.3_beta2_p5"},
		{"0.0.0+gabc", "0.0.0+gabc", "0.0.0+gabc", "0.0.0_git"},
	} {
		v, err := parseVersion(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if v.String() != c.whole || v.debian() != c.debian || v.alpine() != c.alpine {
			t.Errorf("%s: %s, %s for dpkg and rpm, %s for apk; want %s, %s, %s", c.text, v, v.debian(), v.alpine(), c.whole, c.debian, c.alpine)
		}
	}
	for _, text := range []string{"", "1.2", "1.2.3-", "latest", "1.2.3 ", "1.2.3-rc_1", "../1.2.3"} {
		if _, err := parseVersion(text); err == nil {
			t.Errorf("%q passes for a version", text)
		}
	}
}

func TestDescribed(t *testing.T) {
	for answer, want := range map[string]string{
		"v1.2.3-0-gabcdef0":            "1.2.3",
		"v1.2.3-0-gabcdef0-dirty":      "1.2.3+dirty",
		"v1.2.3-12-gabcdef0":           "1.2.3+12.gabcdef0",
		"v1.2.3-rc1-12-gabcdef0-dirty": "1.2.3-rc1+12.gabcdef0.dirty",
		"abcdef0":                      "0.0.0+gabcdef0",
		"abcdef0-dirty":                "0.0.0+gabcdef0.dirty",
	} {
		v, err := described(answer)
		if err != nil || v.String() != want {
			t.Errorf("%s: %s, %v; want %s", answer, v, err, want)
		}
	}
}
