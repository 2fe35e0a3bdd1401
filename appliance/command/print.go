package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

// printJSON prints an answer for scripts: indented, and with what could disturb a terminal escaped, which changes no value.
func (s *Shell) printJSON(answer []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(answer), "", "  "); err != nil {
		return failed("", "the answer is not JSON: %v", err)
	}
	b.WriteByte('\n')
	_, err := s.Out.Write(escapeJSON(b.Bytes()))
	return err
}

// escapeJSON writes hostile runes, which can only stand in strings, as \u escapes. Line breaks between values stay.
func escapeJSON(doc []byte) []byte {
	if !bytes.ContainsFunc(doc, func(r rune) bool { return r != '\n' && hostile(r) }) {
		return doc
	}
	out := make([]byte, 0, len(doc)+64)
	for i := 0; i < len(doc); {
		r, size := utf8.DecodeRune(doc[i:])
		if r != '\n' && hostile(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, doc[i:i+size]...)
		}
		i += size
	}
	return out
}

// copyLines prints a stream of JSON objects, one a line, as they come.
func (s *Shell) copyLines(r io.Reader, each func(line []byte) error) error {
	dec := json.NewDecoder(r)
	for {
		var line json.RawMessage
		err := dec.Decode(&line)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

// say prints a text for people, wrapped to the terminal; lines after the first are indented by hang. style may be nil.
func (s *Shell) say(text string, hang int, style func(string) string) {
	for _, line := range wrap(text, columns(s.Out), hang) {
		fmt.Fprintln(s.Out, styled(line, style))
	}
}

func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%d B", bytes)
}

func duration(seconds int64) string {
	d := time.Duration(seconds) * time.Second
	switch {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%dd %dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", seconds)
}

// clock shows a moment in the reader's time zone.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func qq(id uint64) string {
	if id == 0 {
		return "-"
	}
	return strconv.FormatUint(id, 10)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// printValue prints a value of our own as JSON.
func (s *Shell) printValue(v any) error {
	encoded, err := encode(v)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	return s.printJSON(encoded)
}

// encode writes JSON and leaves <, > and & as they are: neither terminals nor NapCat need them escaped.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
