"""Uses the console in Chromium as people do: sign in, enrol, find the device that
differs, push, abort; a viewer cannot, and sees decisions come in. Writes a picture of each page.

usage: console_pages.py URL INVITATION FOLDER CHROMIUM
"""

import re
import sys

from playwright.sync_api import expect, sync_playwright

PAGES = ["/", "/devices", "/devices/sim-01", "/releases", "/assignments", "/commands", "/groups", "/drift", "/enrol", "/access", "/audit"]
PASSWORD = "correct horse battery staple"


def sign_in(page, url, name):
    page.goto(url + "/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").last.click()
    expect(page.locator(".who")).to_contain_text(name)


def as_admin(page, url, invitation):
    page.goto(url + "/login?invite=" + invitation)
    page.get_by_role("button", name="Sign in").first.click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    # enrol: one line to copy
    page.get_by_role("link", name="Enrol", exact=True).click()
    page.get_by_label("Labels").fill("site=north")
    page.get_by_role("button", name="Make a command").click()
    expect(page.locator("pre.copy")).to_contain_text(re.compile(r"dunlin enroll https://\S+ dunlin-"))
    # find a device: by the bar of its state, then by a query
    page.goto(url + "/")
    page.get_by_role("link", name=re.compile("online")).first.click()
    expect(page.get_by_role("link", name="sim-01")).to_be_visible()
    page.get_by_label("Query").fill("id = sim-02")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("link", name="sim-02")).to_be_visible()
    expect(page.get_by_role("link", name="sim-01")).to_have_count(0)
    assert "query=" in page.url, page.url  # the address holds what was found


def decided_is_pushed(page, url):
    """What a device decides comes by itself, also where the page is not fetched again."""
    page.goto(url + "/devices/sim-01")
    page.evaluate("document.getElementById('main').removeAttribute('data-live')")
    decided = page.locator("#decided")
    before = decided.inner_text()
    expect(decided).not_to_have_text(before, use_inner_text=True, timeout=120_000)
    expect(decided.locator("meter").first).to_be_visible()


def push_and_abort(page, url):
    page.goto(url + "/releases")
    page.get_by_role("link", name="push").first.click()
    page.get_by_label("Waves").fill("1,100%")
    page.get_by_label("Soak").fill("1h")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_text("wave 1:")).to_be_visible()
    page.get_by_role("button", name="Push", exact=True).click()
    expect(page).to_have_url(re.compile("/assignments/"))
    at = page.url
    page.get_by_role("button", name="Abort, go back").click()
    expect(page.get_by_text("aborted by bob")).to_be_visible()
    return at


def viewer_cannot(page, url, assignment):
    for path in ["/releases", "/commands", "/groups", "/enrol", assignment.removeprefix(url)]:
        page.goto(url + path)
        forms = page.locator("form[method=post]").count()
        assert forms == 1, f"{path}: {forms} forms at {page.url}: {page.locator('body').inner_text()[:1000]}"  # to sign out
    token = page.locator("input[name=form]").first.get_attribute("value")
    answer = page.request.post(url + "/releases/assign", form={"form": token, "target": "models/machine/1.0.0.dunlin"})
    assert answer.status == 403, f"{answer.status} {answer.text()[:1000]}"


def main():
    url, invitation, folder, chromium = sys.argv[1:]
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        problems = []

        def fresh(**options):
            page = browser.new_context(**options).new_page()
            page.set_default_timeout(60_000)
            page.on("pageerror", lambda e: problems.append(str(e)))
            page.on("console", lambda m: problems.append(m.text) if m.type == "error" and not m.location["url"].endswith("favicon.ico") else None)
            return page

        expect.set_options(timeout=60_000)
        admin = fresh()
        as_admin(admin, url, invitation)
        approver, viewer = fresh(), fresh()
        sign_in(approver, url, "bob")
        at = push_and_abort(approver, url)
        sign_in(viewer, url, "vic")
        decided_is_pushed(viewer, url)
        viewer_cannot(viewer, url, at)
        for name, options in {"light": {}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": {"width": 390, "height": 844}}}.items():
            page = fresh(**options)
            sign_in(page, url, "bob")
            for path in PAGES + [at.removeprefix(url)]:
                page.goto(url + path)
                wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert wide <= 0, f"{path} is {wide} pixels too wide ({name})"
                page.screenshot(path=f"{folder}/{name}-{path.strip('/').replace('/', '-') or 'overview'}.png", full_page=True)
        browser.close()
        assert not problems, problems
    print(f"chromium: signed in, enrolled, found, pushed, aborted; a viewer could not; decisions were pushed; {3 * (len(PAGES) + 1)} pictures")


main()
