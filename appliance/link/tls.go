package link

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// ClientTLS makes the settings for dialling wss: verify false accepts any certificate, caFile ("" for none) names
// authorities to trust instead of the system's. The result is used for one target and never changed.
func ClientTLS(verify bool, caFile string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !verify}
	if caFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("reading caFile: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading caFile %s: no certificate in PEM form in it", caFile)
	}
	return c, nil
}
