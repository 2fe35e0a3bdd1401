package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/catflap/catflap/policy"
)

// The kinds of rows in the access table.
const (
	kindPending  = 'p'
	kindApproved = 'a'
	kindBlocked  = 'b'
)

// accessValue is a row of the access table. These rows are few and precious, so they are readable JSON.
type accessValue struct {
	Code    string `json:"code,omitempty"`
	Created *stamp `json:"created,omitempty"`
	Expiry  int64  `json:"expiry,omitempty"` // ns, as configured at the last message
	Replied bool   `json:"replied,omitempty"`
	At      int64  `json:"at,omitempty"` // unix seconds of an approval or block
	By      uint64 `json:"by,omitempty"`
}

// accessKey is the account (with its length in front), the kind and the user.
func accessKey(account string, kind byte, user uint64) []byte {
	k := appendString(make([]byte, 0, len(account)+12), account)
	return binary.BigEndian.AppendUint64(append(k, kind), user)
}

// parseAccessKey is the reverse.
func parseAccessKey(k []byte) (s subject, kind byte, ok bool) {
	d := decoder{b: k}
	s.account = string(d.bytes())
	kind = d.byte()
	if d.err != nil || len(d.b) != 8 {
		return subject{}, 0, false
	}
	s.user = binary.BigEndian.Uint64(d.b)
	return s, kind, true
}

// putPending writes a request with its age on both clocks.
func (a *Access) putPending(t *bbolt.Bucket, account string, p policy.Pending, l policy.PairingLimits) error {
	steady := a.steady()
	created := newStamp(steady-p.Created, a.boot(), steady, a.now())
	v, err := json.Marshal(accessValue{Code: p.Code, Created: &created, Expiry: int64(l.Expiry), Replied: p.Replied})
	if err != nil {
		return err
	}
	return t.Put(accessKey(account, kindPending, p.User), v)
}

// putGrant writes an approval or a block.
func putGrant(t *bbolt.Bucket, s subject, kind byte, g grant) error {
	v, err := json.Marshal(accessValue{At: g.at.Unix(), By: g.by})
	if err != nil {
		return err
	}
	return t.Put(accessKey(s.account, kind, s.user), v)
}

// load reads the whole table: it holds people, not messages. A row that cannot be read is damage, not a stranger: to
// forget an approval or a block silently would be the worse surprise.
func (a *Access) load(tx *bbolt.Tx) error {
	wall, steady, boot := a.now(), a.steady(), a.boot()
	pending := map[string][]policy.Pending{}
	limits := map[string]policy.PairingLimits{}
	err := tx.Bucket(bucketAccess).ForEach(func(k, raw []byte) error {
		s, kind, ok := parseAccessKey(k)
		var v accessValue
		if !ok || json.Unmarshal(raw, &v) != nil {
			return damaged(a.f.path, fmt.Sprintf("row %q of the access table cannot be read", k))
		}
		switch kind {
		case kindApproved:
			a.approved[s] = grant{at: time.Unix(v.At, 0), by: v.By}
		case kindBlocked:
			a.blocked[s] = grant{at: time.Unix(v.At, 0), by: v.By}
		case kindPending:
			var age time.Duration
			if v.Created != nil {
				age = v.Created.age(boot, steady, wall)
			}
			created := steady - age
			pending[s.account] = append(pending[s.account], policy.Pending{User: s.user, Code: v.Code, Created: created, Seen: created, Replied: v.Replied})
			limits[s.account] = policy.PairingLimits{Expiry: time.Duration(v.Expiry)}
		default:
			return damaged(a.f.path, fmt.Sprintf("row %q of the access table is of an unknown kind", k))
		}
		return nil
	})
	for account, list := range pending {
		a.books[account] = &book{Book: policy.NewBook(list), limits: limits[account]}
	}
	return err
}

// rebase writes the ages of all requests anew, on this boot's clocks: so a board whose wall clock never comes right
// cannot keep a request alive by restarting. Requests that have expired are removed.
func (a *Access) rebase(tx *bbolt.Tx) error {
	t := tx.Bucket(bucketAccess)
	var old [][]byte
	err := t.ForEach(func(k, _ []byte) error {
		if _, kind, ok := parseAccessKey(k); ok && kind == kindPending {
			old = append(old, append([]byte(nil), k...))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range old {
		if err := t.Delete(k); err != nil {
			return err
		}
	}
	for account, b := range a.books {
		for _, p := range b.List(a.steady(), b.limits) {
			if err := a.putPending(t, account, p, b.limits); err != nil {
				return err
			}
		}
	}
	return nil
}
