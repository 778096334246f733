import pytest

from explorer.locations import ROOT
from explorer.ui.browser.component import one_script
from tests.support import in_node

pytestmark = pytest.mark.node

# Node has fetch and its answers, but no page: this one lies below another path, and keeps what was asked for.
PAGE = """
globalThis.document = { baseURI: "http://app/below/compare?run=a" };
const asked = [];
const bytes = { "Content-Type": "application/octet-stream" };
const answer = (make) => (globalThis.fetch = async (url, options) => {
  asked.push([String(url), options.method ?? "GET", Array.from(options.body ?? [])]);
  return make();
});
const told = (promise) => promise.then(
  () => "nothing",
  (error) => ({ name: error.name, message: error.message, isRefusal: error instanceof Refusal }),
);
"""


@pytest.fixture(scope="module")
def api() -> str:
    return one_script(ROOT / "explorer" / "ui" / "browser" / "api.js").replace("\nexport ", "\n") + PAGE


def test_an_answer_is_bytes_and_what_its_headers_say(api):
    value = in_node(
        api
        + """
        const headers = { ...bytes, "X-Shape": "1,3", "X-Range": "-0.5,2", "X-Trust": '{"verdict":"near"}' };
        answer(() => new Response(Uint8Array.of(7, 0, 255), { headers }));
        const it = await get("api/runs/b/points?space=pca", { i: 1 });
        """,
        '[[...it.bytes], it.shape, it.numbers("X-Range"), it.json("X-Trust"), it.json("X-Nearest"), asked]',
    )
    url = "http://app/below/api/runs/b/points?space=pca&i=1"
    assert value == [[7, 0, 255], [1, 3], [-0.5, 2], {"verdict": "near"}, None, [[url, "GET", []]]]


def test_numbers_are_posted_as_they_are_to_a_route_with_its_own_query_and_one_more(api):
    asked, headers = in_node(
        api
        + """
        answer(() => new Response("", { headers: bytes }));
        let headers;
        const fetched = globalThis.fetch;
        globalThis.fetch = (url, options) => ((headers = options.headers), fetched(url, options));
        await post("api/runs/b/decode?label=3", Float32Array.of(0.5, -2), { query: { trust: 1 } });
        """,
        "[asked, headers]",
    )
    assert headers == {"Content-Type": "application/octet-stream"}
    assert asked == [["http://app/below/api/runs/b/decode?label=3&trust=1", "POST", [0.5, -2]]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": "There is no run b."}', "There is no run b."),
        ("<h1>Bad gateway</h1>", "The server answered 502. Is the app still running?"),
        ("{}", "The server answered 502. Is the app still running?"),
    ],
    ids=["in the server's words", "not of ours", "without words"],
)
def test_a_refusal_is_one_error_in_the_words_of_the_server(api, body, message):
    code = f"answer(() => new Response({body!r}, {{ status: 502 }}));"
    refused = {"name": "Refusal", "message": message, "isRefusal": True}
    assert in_node(api + code, '[await told(get("x")), await told(post("x", []))]') == [refused, refused]


def test_a_network_that_is_gone_speaks_for_itself(api):
    told = in_node(api, 'await told(get("http://localhost:1/"))')
    assert (told["name"], told["isRefusal"]) == ("TypeError", False)
    assert "fetch" in told["message"]


def test_a_request_that_was_given_up_is_no_refusal(api):
    code = "const giver = new AbortController();\ngiver.abort();"
    told = in_node(api + code, 'await told(post("http://localhost:1/", Float32Array.of(1), { signal: giver.signal }))')
    assert (told["name"], told["isRefusal"]) == ("AbortError", False)


def test_a_decoder_tells_a_refusal_and_goes_on_with_the_newest_request(api):
    value = in_node(
        api
        + """
        const [painted, failed] = [[], []];
        answer(() => asked.length === 1
          ? new Response('{"error": "Too long."}', { status: 400 })
          : new Response(Uint8Array.of(9), { headers: { ...bytes, "X-Shape": "1,1,1,1", "X-Trust": "[4]" } }));
        const paint = ({ query }, bytes, shape, beside) => painted.push([query.name, ...bytes, shape, beside]);
        const decoder = new Decoder(paint, (error) => failed.push(error.message));
        for (const name of ["first", "second", "third"]) decoder.ask({ route: "decode", query: { name }, numbers: [] });
        while (decoder.busy) await new Promise((resolve) => setTimeout(resolve));
        """,
        "[painted, failed, asked.map(([url]) => url)]",
    )
    urls = ["http://app/below/decode?name=first", "http://app/below/decode?name=third"]
    assert value == [[["third", 9, [1, 1, 1, 1], [4]]], ["Too long."], urls]


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", ""])
def test_what_answers_in_the_apps_place_is_told_from_it(api, kind):
    value = in_node(
        api
        + f"""
        answer(() => new Response("<form>Log in</form>", {{ headers: {{ "Content-Type": {kind!r} }} }}));
        const failed = await told(post("api/runs/b/decode", Float32Array.of(1)));
        """,
        "failed",
    )
    message = "Something else answered in the app's place: a login may have ended. Reload the page."
    assert value == {"name": "Refusal", "message": message, "isRefusal": True}


def test_a_picture_is_an_answer_too(api):
    value = in_node(
        api
        + """
        answer(() => new Response(Uint8Array.of(137, 80), { headers: { "Content-Type": "image/png" } }));
        const it = await get("api/runs/b/timeline/1.png", { what: "samples" });
        """,
        "[...it.bytes]",
    )
    assert value == [137, 80]
