package main

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func clientCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "client",
		Short: "list the programs beside the devices that may use the broker",
		Example: `  dunlin-fleet client add node-red --out ./node-red
  dunlin-fleet client add scada --role commander --out ./scada
  dunlin-fleet client rm scada`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var all []controller.Client
			if err := c.do(cmd.Context(), "GET", "/clients", nil, &all); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), all)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "CLIENT\tROLE\tBY\tCERTIFICATE UNTIL")
			for _, x := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", x.Name, x.Role, x.Author, x.CertEnds.Format(time.DateOnly))
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(addClientCommand(), &cobra.Command{
		Use: "rm NAME", Short: "lock a program out", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, a []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			return c.do(cmd.Context(), "DELETE", "/clients/"+url.PathEscape(a[0]), nil, &struct{}{})
		},
	})
	return cmd
}

func addClientCommand() *cobra.Command {
	var out, role string
	var hosts []string
	life := 365 * 24 * time.Hour
	cmd := &cobra.Command{
		Use: "add NAME", Short: "give a program a certificate, and write it with its key to a folder", Args: cobra.ExactArgs(1),
		Long: `Give a program a certificate for the broker. Its key is made here and goes
nowhere else. A reader sees what devices say; a commander too, and it may send
them commands without a signature, which devices take only if their own
configuration has unsigned_commands: true. Its MQTT client id has to begin with
NAME and an underscore. A broker's is for an MQTT broker of your own.`,
		RunE: func(cmd *cobra.Command, a []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			key, err := fleet.NewKey()
			if err != nil {
				return err
			}
			csr, err := x509.CreateCertificateRequest(rand.Reader, requestFor(a[0], hosts), key)
			if err != nil {
				return err
			}
			der, err := x509.MarshalPKCS8PrivateKey(key)
			if err != nil {
				return err
			}
			text := func(kind string, der []byte) string {
				return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
			}
			var made controller.Client
			if err := c.do(cmd.Context(), "POST", "/clients", map[string]string{"role": role, "csr": text("CERTIFICATE REQUEST", csr), "life": life.String()}, &made); err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o700); err != nil {
				return err
			}
			for name, data := range map[string]string{"key.pem": text("PRIVATE KEY", der), "cert.pem": made.Certificate, "ca.pem": made.CA} {
				if err := os.WriteFile(filepath.Join(out, name), []byte(data), 0o600); err != nil {
					return err
				}
			}
			if len(hosts) > 0 {
				return nil
			}
			u, err := url.Parse(made.Broker)
			if err != nil {
				return err
			}
			host, port, _ := net.SplitHostPort(u.Host)
			fmt.Fprintf(cmd.OutOrStdout(), "%s is a %s until %s. Try it:\n\n  mosquitto_sub -h %s -p %s -i %s_1 --cafile %s --cert %s --key %s -t '%s/+/reported' -v\n", made.Name, made.Role, made.CertEnds.Format(time.DateOnly),
				host, port, made.Name, filepath.Join(out, "ca.pem"), filepath.Join(out, "cert.pem"), filepath.Join(out, "key.pem"), made.Prefix)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder for cert.pem, key.pem and ca.pem")
	cmd.Flags().StringVar(&role, "role", "reader", "reader, commander or broker")
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "of a broker: name or address by which devices reach it")
	cmd.Flags().DurationVar(&life, "life", life, "of the certificate")
	_ = cmd.MarkFlagRequired("out") // it exists
	return cmd
}

// requestFor asks for a certificate of a name, and of a server's hosts.
func requestFor(name string, hosts []string) *x509.CertificateRequest {
	r := &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			r.IPAddresses = append(r.IPAddresses, ip)
		} else {
			r.DNSNames = append(r.DNSNames, h)
		}
	}
	return r
}
