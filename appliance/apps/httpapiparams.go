package apps

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/catflap/catflap/appliance/onebot"
)

// httpFault is why a call was not read.
type httpFault struct {
	status, code int
	text         string
}

func badBody(format string, args ...any) *httpFault {
	return &httpFault{http.StatusBadRequest, codeUnread, fmt.Sprintf(format, args...)}
}

// params reads the action's raw params: of a GET from the query, of a POST from its body, and from the query what the body
// does not name. The bytes may be used until done.
func (c *httpCall) params() (params []byte, done func(), fault *httpFault) {
	none := func() {}
	if c.knock.Method == http.MethodGet {
		return onebot.Form(c.name, c.query), none, nil
	}
	contentType := c.knock.Header.Get("Content-Type")
	media, _, _ := strings.Cut(contentType, ";") // whatever charset it names, it has to be UTF-8
	media = strings.ToLower(strings.TrimSpace(media))
	const isJSON, isForm = "application/json", "application/x-www-form-urlencoded"
	if media != "" && media != isJSON && media != isForm {
		return nil, none, &httpFault{http.StatusNotAcceptable, codeForeign, fmt.Sprintf("Content-Type %.100q: send %s or %s", contentType, isJSON, isForm)}
	}
	body, done, err := c.gateway.bodies.read(c.knock, c.app.MaxFrame)
	if err != nil {
		return nil, none, c.unread(err)
	}
	params, fault = c.decode(body, media == isForm)
	if fault != nil {
		done()
		return nil, none, fault
	}
	if params == nil {
		params = onebot.Form(c.name, c.query)
	} else {
		params = onebot.FormBeside(c.name, params, c.query)
	}
	return params, done, nil
}

// decode reads a body; nil for one without params. A form that begins like an object is JSON whose Content-Type was
// forgotten: curl -d says "form" of itself.
func (c *httpCall) decode(body []byte, form bool) ([]byte, *httpFault) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if !utf8.Valid(body) {
		return nil, badBody("the body is not UTF-8")
	}
	if form && !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		fields, err := values(string(body))
		if err != nil {
			return nil, badBody("the body is no form: %v", err)
		}
		if fields.Has("echo") {
			c.echo = onebot.Quoted(fields.Get("echo"))
			fields.Del("echo")
		}
		fields.Del("access_token")
		if len(fields) == 0 {
			return nil, nil
		}
		return onebot.Form(c.name, fields), nil
	}
	read, err := onebot.ReadBody(body)
	if err != nil {
		return nil, badBody("the body must be one JSON object with the action's parameters: %v", err)
	}
	if read.Echo != nil {
		c.echo = read.Echo
	}
	return read.Params, nil
}

// values reads a query or a form, whole or not at all. A raw semicolon, a percent sign without two digits and bytes that
// are not UTF-8 are errors: each of them has a spelling with % that means what was meant.
func values(text string) (url.Values, error) {
	out, err := url.ParseQuery(text)
	if err != nil {
		return nil, fmt.Errorf("%w: write %%3B for ; and %%25 for %%", err)
	}
	for key, texts := range out {
		for _, text := range append([]string{key}, texts...) {
			if !utf8.ValidString(text) {
				return nil, fmt.Errorf("%q is not UTF-8", text)
			}
		}
	}
	return out, nil
}

// unread says why the body did not come.
func (c *httpCall) unread(err error) *httpFault {
	c.knock.Plain().Header().Set("Connection", "close")
	var large *tooLargeError
	switch {
	case errors.As(err, &large):
		f := c.feed
		if f == nil {
			f = c.app.list()[0]
		}
		f.tooLarge.Add(1)
		return &httpFault{http.StatusOK, codeUnread, tooLarge(c.name, large.size, c.app.MaxFrame)}
	case errors.Is(err, errManyBodies):
		return &httpFault{http.StatusOK, codeMany, err.Error()}
	}
	return badBody("reading the body: %v", err)
}
