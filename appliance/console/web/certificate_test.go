package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// selfSigned writes a certificate of a name and its key.
func selfSigned(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: bytes}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// overTLS sends one request to whatever certificate is shown.
func overTLS(t *testing.T, address, method, path, body, origin string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "https://"+address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", origin)
	resp, err := (&http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

func TestCertificateIsRenewed(t *testing.T) {
	dir := t.TempDir()
	cert, key := selfSigned(t, dir, "first")
	clock := time.Unix(1_800_000_000, 0)
	c, err := LoadCertificate(cert, key, slog.New(slog.DiscardHandler), func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		t.Helper()
		one, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return one.Leaf.Subject.CommonName
	}
	if got := shown(); got != "first" {
		t.Fatalf("shows %s", got)
	}
	selfSigned(t, dir, "the second")
	if got := shown(); got != "first" {
		t.Errorf("looks at the files at every handshake: %s", got)
	}
	clock = clock.Add(lookEvery)
	if got := shown(); got != "the second" {
		t.Errorf("after the renewal: %s", got)
	}
	if err := os.WriteFile(key, []byte("half a ke"), 0o600); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(lookEvery)
	if got := shown(); got != "the second" {
		t.Errorf("in the middle of a renewal: %s", got)
	}
	if _, err := LoadCertificate(cert, key, slog.New(slog.DiscardHandler), time.Now); err == nil || !strings.HasPrefix(err.Error(), "console.tls: ") {
		t.Errorf("a broken key: %v", err)
	}
}
