package media

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"

	"github.com/catflap/catflap/store"
)

// Path is where media are served; the key follows.
const Path = "/media/"

// Key names a medium to apps. It is made of the medium's identity and a secret: the same picture has the same key whenever
// it is sent, nobody can guess it, and no database is needed to know it.
type Key store.MediaKey

var keyText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// String is the key as addresses have it: 32 letters and digits.
func (k Key) String() string { return keyText.EncodeToString(k[:]) }

// ParseKey reads a key.
func ParseKey(s string) (k Key, ok bool) {
	if len(s) != keyText.EncodedLen(len(k)) {
		return Key{}, false
	}
	n, err := keyText.Decode(k[:], []byte(s))
	return k, err == nil && n == len(k)
}

// key makes the key of an identity.
func (c *Cache) key(identity string) Key {
	mac := hmac.New(sha256.New, c.secret)
	mac.Write([]byte(identity))
	return Key(mac.Sum(nil)[:len(Key{})])
}

// identity is what two messages with the same medium have in common, and the MD5 that its bytes should have, "" when that
// is not known. NapCat: an image's file is its MD5 with an ending; the fileid in the address outlives its rkey; a file's
// name says nothing, its file_id does.
func (o *Offered) identity() (identity, sum string) {
	if o.Type == "image" {
		if sum = md5Of(o.File); sum != "" {
			return "md5:" + sum, sum
		}
	}
	if o.FileID != "" {
		return "id:" + o.Account + ":" + o.FileID, ""
	}
	if u, err := url.Parse(o.URL); err == nil && u.Host != "" {
		q := u.Query()
		if id := q.Get("fileid"); id != "" {
			return "fileid:" + id, ""
		}
		if o.Type == "image" || o.File == "" {
			q.Del("rkey")
			u.RawQuery = q.Encode()
			return "url:" + u.String(), ""
		}
	}
	return strings.Join([]string{"name", o.Type, o.Account, o.File, strconv.FormatInt(o.Size, 10), strconv.FormatInt(o.MessageID, 10)}, ":"), ""
}

// md5Of reads the MD5 that QQ names images by: 9C3A....jpg, {9C3A...-...}.png. Lower case; "" if it is none.
func md5Of(file string) string {
	stem, _, _ := strings.Cut(file, ".")
	stem = strings.NewReplacer("{", "", "}", "", "-", "").Replace(stem)
	if len(stem) != 32 {
		return ""
	}
	if _, err := hex.DecodeString(stem); err != nil {
		return ""
	}
	return strings.ToLower(stem)
}
