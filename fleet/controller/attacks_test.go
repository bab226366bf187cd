package controller

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// attacks is who may try what, and the tests that try it. Each name is a test
// in the package that stands before it.
var attacks = map[string]string{
	"a foreign, missing or other CA's certificate":           "fleet/controller.TestForeignCertificates fleet/broker.TestConnections",
	"an expired certificate":                                 "fleet/broker.TestConnections fleet/controller.TestCertificateEnds",
	"a revoked certificate":                                  "fleet/controller.TestRevoked fleet/broker.TestConnections",
	"two machines with one identity":                         "fleet/controller.TestCloned",
	"a forged envelope or ack":                               "fleet.TestVerify fleet.TestStrict fleet.TestAckUnsignedOrCorrupt",
	"a command that was sent before, or too late":            "agent/uplink.TestCommands agent/uplink.TestWindow agent/uplink.TestRestartInterrupts",
	"a broker's operator who injects configuration":          "fleet.TestTuningIsStrict fleet.TestUnsigned",
	"an operator who tunes more than captures":               "fleet/controller.TestTuningHasNoPlaceForMore",
	"messages that are too large or malformed, on any topic": "fleet/broker.TestLimits fleet/broker.TestRawBytes fleet/controller.TestRawMQTT",
	"a subscription to everything":                           "fleet/controller.TestForeignCertificates fleet/controller.TestClientRoles",
	"a storm of connections with one client id":              "fleet/broker.TestStorm",
	"guessed passwords and invitations":                      "fleet/controller.TestBruteForce fleet/controller.TestStormOfNames fleet/console.TestGuessedPasswords fleet/console.TestInvitations",
	"a viewer who pushes":                                    "fleet/controller.TestEveryRouteTakesItsRole fleet/console.TestRoles",
	"a form of another site":                                 "fleet/console.TestFormsOfOtherSitesAreRefused",
	"SQL, templates and log lines in what a device says":     "fleet/controller.TestInjection fleet/console.TestDevicesCannotWriteHTML",
	"a path out of its folder":                               "fleet/controller.TestUpdatesStayInTheirFolder fleet/controller.TestCapturesThatAreRefused fleet/controller.TestRequestsAreStrict",
	"an upload of another digest, too large, or uninvited":   "fleet/controller.TestCapturesThatAreRefused fleet/controller.TestUploadsAreOfDevices",
	"a webhook's address that leads elsewhere":               "fleet/controller.TestWebhooksDoNotFollow",
	"a changed or shortened audit log":                       "fleet/controller.TestExportedAudit",
	"a stolen, expired or withdrawn token":                   "fleet/controller.TestTokens fleet/controller.TestTokensOfPrograms",
	"a broker that dies of it":                               "fleet/controller.TestBrokerDies fleet/controller.TestRawMQTT",
}

// TestAttacksAreTried: the table names tests that there are.
func TestAttacksAreTried(t *testing.T) {
	name := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	known := map[string]bool{}
	for attack, tests := range attacks {
		for x := range strings.FieldsSeq(tests) {
			pkg, test, _ := strings.Cut(x, ".")
			if !known[pkg] {
				files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pkg), "*_test.go"))
				if err != nil || len(files) == 0 {
					t.Fatalf("%s: %v", pkg, err)
				}
				for _, f := range files {
					text, err := os.ReadFile(f)
					if err != nil {
						t.Fatal(err)
					}
					for _, m := range name.FindAllSubmatch(text, -1) {
						known[pkg+"."+string(m[1])] = true
					}
				}
				known[pkg] = true
			}
			if !known[x] {
				t.Errorf("%s: there is no %s in %s", attack, test, pkg)
			}
		}
	}
}
