package msgpack

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each form of the specification, and what JSON has for it.
func TestForms(t *testing.T) {
	long := strings.Repeat("a", 300)
	tests := []struct {
		name, pack, json string
		oneWay           bool // it is not the shortest form: only read
	}{
		{"nil", "c0", "null", false},
		{"false", "c2", "false", false},
		{"true", "c3", "true", false},
		{"fixint", "7f", "127", false},
		{"negative fixint", "e0", "-32", false},
		{"uint 8", "cc ff", "255", false},
		{"uint 16", "cd ffff", "65535", false},
		{"uint 32", "ce ffffffff", "4294967295", false},
		{"uint 64", "cf ffffffffffffffff", "18446744073709551615", false},
		{"uint 64 beyond a double", "cf 0020000000000001", "9007199254740993", false},
		{"int 8", "d0 80", "-128", false},
		{"int 16", "d1 8000", "-32768", false},
		{"int 32", "d2 80000000", "-2147483648", false},
		{"int 64", "d3 8000000000000000", "-9223372036854775808", false},
		{"int 64, long", "d3 ffffffffffffffff", "-1", true},
		{"float 32", "ca 3fc00000", "1.5", true},
		{"float 32 that is no double", "ca 3dcccccd", "0.1", true},
		{"float 64", "cb 3ff8000000000000", "1.5", false},
		{"float 64, whole", "cb 41da556e40000000", "1767225600.0", false},
		{"float 64, negative zero", "cb 8000000000000000", "-0.0", false},
		{"float 64, large", "cb 7fefffffffffffff", "1.7976931348623157e+308", false},
		{"float 64, small", "cb 0000000000000001", "5e-324", false},
		{"str", "a3 e4bda0", `"你"`, false},
		{"str with escapes", "a7 22 5c 0a 09 0d 01 7f", `"\"\\\n\t\r\u0001` + "\x7f\"", false},
		{"str 8", "d9 20" + strings.Repeat("61", 32), `"` + strings.Repeat("a", 32) + `"`, false},
		{"str 16", "da 012c" + hex.EncodeToString([]byte(long)), `"` + long + `"`, false},
		{"str 32", "db 00000001 61", `"a"`, true},
		{"bin that is text", "c4 01 61", `"a"`, true},
		{"bin", "c4 02 00ff", `"AP8="`, true},
		{"bin 16", "c5 0001 ff", `"/w=="`, true},
		{"bin 32", "c6 00000001 ff", `"/w=="`, true},
		{"array", "93 01 90 80", "[1,[],{}]", false},
		{"array 16", "dc 0010" + strings.Repeat("01", 16), "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", false},
		{"array 32", "dd 00000001 01", "[1]", true},
		{"map", "82 a1 61 01 a1 62 81 a1 63 c0", `{"a":1,"b":{"c":null}}`, false},
		{"map 16", "de 0010" + strings.Repeat("a161 01", 16), "{" + strings.Repeat(`"a":1,`, 15) + `"a":1}`, false},
		{"map 32", "df 00000001 d9 01 61 01", `{"a":1}`, true},
		{"key that is a bin", "81 c4 01 61 01", `{"a":1}`, true},
		{"bytes under their key", "81 a4 64617461 c4 01 61", `{"data":"YQ=="}`, false},
		{"no bytes under it", "81 a4 64617461 c4 00", `{"data":""}`, false},
		{"bytes in a list under it", "81 a4 64617461 91 c4 01 61", `{"data":["YQ=="]}`, false},
		{"text in an object under it", "81 a4 64617461 81 a1 61 a4 59513d3d", `{"data":{"a":"YQ=="}}`, false},
		{"time 32", "d6 ff 00000005", "5.0", true},
		{"time 64", "d7 ff 77359400 00000005", "5.5", true},
		{"time 96", "c7 0c ff 1dcd6500 fffffffffffffffe", "-1.5", true},
		{"not UTF-8", "a2 c361", "\"\ufffda\"", true},
	}
	o := Options{Bytes: []string{"data"}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pack := unhex(t, tt.pack)
			got, err := ToJSON([]byte("x"), pack, o)
			if err != nil || string(got) != "x"+tt.json {
				t.Errorf("to JSON: %s, %v, want %s", got, err, tt.json)
			}
			if tt.oneWay {
				return
			}
			back, err := FromJSON([]byte("x"), []byte(tt.json), o)
			if err != nil || string(back) != "x"+string(pack) {
				t.Errorf("from JSON: %x, %v, want %x", back, err, pack)
			}
		})
	}
}

// What only one side has.
func TestFromJSON(t *testing.T) {
	tests := []struct{ json, pack string }{
		{" \n{ \"a\" : [ ] , \"b\" : [ { } , 1 ] } ", "82 a161 90 a162 92 80 01"},
		{"-0", "00"},
		{"1e2", "cb 4059000000000000"},
		{"18446744073709551616", "cb 43f0000000000000"},
		{"1e999", "a5 3165393939"},
		{`"\u4f60\/\ud83d\ude00\ud800x"`, "ac e4bda0 2f f09f9880 efbfbd 78"},
		{`{"data":"a"}`, "81 a464617461 a161"},
		{`{"data":"YQ==\n"}`, "81 a464617461 a5 59513d3d0a"},
		{`{"data":"\/w=="}`, "81 a464617461 c401ff"},
		{`{"data":"===="}`, "81 a464617461 a43d3d3d3d"},
	}
	for _, tt := range tests {
		want := unhex(t, tt.pack)
		if got, err := FromJSON(nil, []byte(tt.json), Options{Bytes: []string{"data"}}); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v, want %x", tt.json, got, err, want)
		}
	}
	for _, in := range []string{"", " ", "{", "[1", "[1,]", `{"a"}`, `{"a":}`, `{"a":1,}`, `{1:1}`, "tru", "01", "-", "1.", "1e", "+1", "\"", "\"\n\"", `"\x"`, `"\u12g4"`, "1 2", "nul", "[}", "{]", "NaN"} {
		if got, err := FromJSON(nil, []byte(in), Options{}); !errors.Is(err, ErrJSON) {
			t.Errorf("%q: %x, %v", in, got, err)
		}
	}
	if _, err := FromJSON(nil, []byte(strings.Repeat("[", 200)), Options{}); !errors.Is(err, ErrDepth) {
		t.Errorf("200 levels: %v", err)
	}
}

func TestToJSONRefuses(t *testing.T) {
	tests := []struct {
		name, pack string
		max        int
		want       error
	}{
		{"nothing", "", 0, ErrSyntax},
		{"more", "c0 c0", 0, ErrSyntax},
		{"str too short", "a2 61", 0, ErrSyntax},
		{"str 32 of 4 GiB", "db ffffffff 61", 0, ErrSyntax},
		{"array of 4 billion", "dd ffffffff", 0, ErrSyntax},
		{"map of 4 billion", "df ffffffff", 0, ErrSyntax},
		{"half a length", "cd 00", 0, ErrSyntax},
		{"half a float", "cb 00", 0, ErrSyntax},
		{"half a key", "81 a2 61", 0, ErrSyntax},
		{"key is a number", "81 01 01", 0, ErrKey},
		{"key is nil", "81 c0 01", 0, ErrKey},
		{"never used", "c1", 0, ErrKind},
		{"extension", "d4 01 00", 0, ErrKind},
		{"extension of 4 GiB", "c9 ffffffff 01", 0, ErrSyntax},
		{"time of 1 byte", "d4 ff 00", 0, ErrKind},
		{"NaN", "cb 7ff8000000000001", 0, ErrKind},
		{"infinite", "ca 7f800000", 0, ErrKind},
		{"deep", strings.Repeat("91", 129) + "c0", 0, ErrDepth},
		{"deep maps", strings.Repeat("81a161", 129) + "c0", 0, ErrDepth},
		{"text that grows", "a4 01010101", 20, ErrTooLarge},
		{"bytes that grow", "c4 04 ffffffff", 7, ErrTooLarge},
		{"numbers that grow", "93 ceffffffff ceffffffff ceffffffff", 20, ErrTooLarge},
	}
	for _, tt := range tests {
		if got, err := ToJSON(nil, unhex(t, tt.pack), Options{MaxBytes: tt.max}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %s, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	if got, err := ToJSON(nil, unhex(t, "a4 01010101"), Options{MaxBytes: 26}); err != nil || len(got) != 26 {
		t.Errorf("as large as it may be: %s, %v", got, err)
	}
	if got, err := ToJSON(nil, unhex(t, strings.Repeat("91", 128)+"c0"), Options{}); err != nil || len(got) != 260 {
		t.Errorf("as deep as it may be: %s, %v", got, err)
	}
}

// values draws what JSON can hold.
func values(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		most := 7
		if depth == 0 {
			most = 5
		}
		switch rapid.IntRange(0, most).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return rapid.Int64().Draw(t, "int")
		case 3:
			return rapid.Uint64().Draw(t, "uint")
		case 4:
			return rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).Draw(t, "float")
		case 5:
			return rapid.String().Draw(t, "text")
		case 6:
			return rapid.SliceOfN(values(depth-1), 0, 20).Draw(t, "list")
		}
		return rapid.MapOfN(rapid.String(), values(depth-1), 0, 20).Draw(t, "map")
	})
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, err := json.Marshal(values(3).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		pack, err := FromJSON(nil, in, Options{})
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		out, err := ToJSON(nil, pack, Options{})
		if err != nil {
			t.Fatalf("%s as %x: %v", in, pack, err)
		}
		again, err := FromJSON(nil, out, Options{})
		if err != nil || !bytes.Equal(pack, again) {
			t.Fatalf("%s, then %s: %x, %x, %v", in, out, pack, again, err)
		}
		if !reflect.DeepEqual(numbers(t, in), numbers(t, out)) {
			t.Fatalf("%s became %s", in, out)
		}
	})
}

// numbers decodes JSON so that integers stay exact.
func numbers(t interface{ Fatal(...any) }, raw []byte) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return exact(v)
}

func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			f, _ := v.Float64()
			return f
		}
		return strings.Replace(string(v), "-0", "0", 1) // the one integer that has two forms
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = exact(v[name])
		}
	}
	return v
}

func FuzzToJSON(f *testing.F) {
	for _, s := range []string{"82a16101a162cb3ff8000000000000", "81a464617461c40261ff", "dc000201c0", "d6ff00000005", "db0000000161", "93c2c3ca3fc00000"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, pack []byte) {
		o := Options{MaxBytes: 1 << 20, Bytes: []string{"data"}}
		out, err := ToJSON(nil, pack, o)
		if err != nil {
			return
		}
		if !json.Valid(out) || len(out) > o.MaxBytes {
			t.Fatalf("%d bytes, no JSON: %s", len(out), out)
		}
		again, err := FromJSON(nil, out, o)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if back, err := ToJSON(nil, again, Options{Bytes: o.Bytes}); err != nil || !bytes.Equal(out, back) {
			t.Fatalf("%s became %s, %v", out, back, err)
		}
	})
}

func FuzzFromJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-1,1.5,"x",null,true],"data":"YQ=="}`, `"\ud83d\ude00\u0000"`, `[[],{},"",18446744073709551615]`, ` {"a" : 1e5 } `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := FromJSON(nil, in, Options{Bytes: []string{"data"}})
		if json.Valid(in) != (err == nil) && !errors.Is(err, ErrDepth) {
			t.Fatalf("%q: %v", in, err)
		}
		if err != nil {
			return
		}
		back, err := ToJSON(nil, out, Options{Bytes: []string{"data"}})
		if err != nil || !json.Valid(back) {
			t.Fatalf("%q became %x, then %s, %v", in, out, back, err)
		}
		if again, err := FromJSON(nil, back, Options{Bytes: []string{"data"}}); err != nil || !bytes.Equal(out, again) {
			t.Fatalf("%q: %x, %x, %v", in, out, again, err)
		}
	})
}
