// An editorial story told with the package for npm: `node story.js BASE_URL ADMIN_TOKEN`.
// It prints, as JSON, what the database should say when it is over.
import assert from "node:assert/strict";
import { type components, createTandem, type Tandem } from "tandem-client";

type Post = components["schemas"]["Post"];
type Media = components["schemas"]["Media"];
type Comment = components["schemas"]["Comment"];
type Problem = components["schemas"]["Problem"];

const PIXEL = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
);
const PASSWORD = "a long enough pass-phrase";
const TITLE = "The typed lighthouse";
const [baseUrl, adminToken] = process.argv.slice(2) as [string, string];

interface Answer<T> {
    data?: T;
    error?: unknown;
    response: Response;
}

/** The typed body of an answer with this status. */
function expectData<T>(status: number, answer: Answer<T>): T {
    assert.equal(answer.response.status, status, JSON.stringify(answer.error));
    assert.ok(answer.data !== undefined);
    return answer.data;
}

function expectProblem(status: number, type: Problem["type"], answer: Answer<unknown>): void {
    assert.equal(answer.response.status, status);
    assert.equal(answer.response.headers.get("Content-Type"), "application/problem+json");
    assert.equal((answer.error as Problem).type, type);
}

function etagOf(answer: Answer<unknown>): string {
    const etag = answer.response.headers.get("ETag");
    assert.ok(etag);
    return etag;
}

/** A new account's id and a client that speaks for it. */
async function join(username: string): Promise<[string, Tandem]> {
    const anyone = createTandem(baseUrl);
    const email = `${username}@example.org`;
    const account = expectData(201, await anyone.POST("/users", { body: { username, email, password: PASSWORD } }));
    const tokens = expectData(200, await anyone.POST("/auth/token", { body: { email, password: PASSWORD } }));
    const member = createTandem(baseUrl, { token: tokens.access_token });
    assert.equal(expectData(200, await member.GET("/me")).id, account.id);
    return [account.id, member];
}

/** A program of this member, which may read posts and nothing else. */
async function readByKey(member: Tandem): Promise<void> {
    const made = expectData(201, await member.POST("/api-keys", { body: { name: "Reader", scopes: ["posts:read"] } }));
    const program = createTandem(baseUrl, { apiKey: made.secret });
    expectData(200, await program.GET("/posts"));
    assert.equal((await program.GET("/api-keys")).response.status, 403);
}

async function draftWithPicture(writer: Tandem): Promise<[Post, Media]> {
    const body = { title: TITLE, content: "It blinks *twice*.", tags: ["typed lighthouses"], language: "en" };
    const draft = expectData(201, await writer.POST("/posts", { body }));
    assert.equal(draft.status, "draft");
    assert.ok(draft.actions.includes("publish"));
    const file = new File([PIXEL], "pixel.png", { type: "image/png" });
    const media = expectData(
        201,
        await writer.POST("/media", {
            body: { file: "", alt_text: "A lamp" },
            bodySerializer: ({ alt_text }) => {
                const form = new FormData();
                form.set("file", file);
                form.set("alt_text", alt_text ?? "");
                return form;
            },
            params: { header: { "Idempotency-Key": "ts-1" } },
        }),
    );
    assert.deepEqual([media.mime_type, media.width, media.alt_text], ["image/png", 1, "A lamp"]);
    const post = expectData(
        200,
        await writer.PATCH("/posts/{slug_or_id}", {
            params: { path: { slug_or_id: draft.id } },
            body: { featured_image: media.id, meta: { title: "For search engines" } },
        }),
    );
    assert.equal(post.featured_image, media.id);
    return [post, media];
}

async function publish(writer: Tandem, reader: Tandem, post: Post): Promise<void> {
    const params = { path: { slug_or_id: post.id } };
    const hidden = await reader.GET("/posts/{slug_or_id}", { params });
    expectProblem(404, "urn:problem-type:tandem:not-found", hidden);
    const published = expectData(200, await writer.POST("/posts/{slug_or_id}/actions/publish", { params, body: {} }));
    assert.equal(published.status, "published");
    const seen = expectData(200, await reader.GET("/posts/{slug_or_id}", { params: { path: { slug_or_id: post.slug } } }));
    assert.deepEqual([seen.id, seen.actions, seen.meta?.title], [post.id, [], "For search engines"]);
}

async function discuss(reader: Tandem, admin: Tandem, post: Post): Promise<Comment> {
    const params = { path: { slug_or_id: post.id } };
    const body = { text: "It blinked thrice." };
    const comment = expectData(201, await reader.POST("/posts/{slug_or_id}/comments", { params, body }));
    assert.equal(comment.status, "pending");
    const waiting = expectData(200, await admin.GET("/comments", { params: { query: { status: "pending", post: post.id } } }));
    assert.deepEqual(waiting.data.map((found) => found.id), [comment.id]);
    const approved = expectData(
        200,
        await admin.POST("/comments/{comment_id}/actions/approve", { params: { path: { comment_id: comment.id } } }),
    );
    assert.equal(approved.status, "published");
    return comment;
}

async function find(reader: Tandem, post: Post): Promise<void> {
    const results = expectData(200, await reader.GET("/search", { params: { query: { q: "typed lighthouse" } } }));
    assert.deepEqual(results.data.map((hit) => hit.post.id), [post.id]);
    const query = { tag: "typed-lighthouses", include: "author,comment_count" };
    const listed = expectData(200, await reader.GET("/posts", { params: { query } }));
    assert.deepEqual(listed.included?.authors?.map((author) => author.id), [post.author]);
    assert.equal(listed.data[0]?.comment_count, 1);
    assert.equal(listed.page.has_more, false);
}

async function reviseAndGoBack(writer: Tandem, post: Post): Promise<void> {
    const path = { slug_or_id: post.id };
    const etag = etagOf(await writer.GET("/posts/{slug_or_id}", { params: { path } }));
    const params = { path, header: { "If-Match": etag } };
    const body = { title: "The lighthouse of regrets" };
    const revised = await writer.PATCH("/posts/{slug_or_id}", { params, body });
    assert.equal(expectData(200, revised).title, body.title);
    const late = await writer.PATCH("/posts/{slug_or_id}", { params, body });
    expectProblem(412, "urn:problem-type:tandem:precondition-failed", late);
    assert.equal(etagOf(late), etagOf(revised));
    const history = expectData(200, await writer.GET("/posts/{slug_or_id}/revisions", { params: { path } }));
    const number = history.data.at(1)?.number; // as the post was with its picture and before its new title
    assert.equal(number, 2);
    const restoring = "/posts/{slug_or_id}/revisions/{number}/actions/restore";
    const draft = expectData(201, await writer.POST(restoring, { params: { path: { ...path, number } } }));
    assert.deepEqual([draft.is_draft, draft.title], [true, TITLE]);
    const applying = "/posts/{slug_or_id}/revisions/{number}/actions/apply";
    const applied = await writer.POST(applying, { params: { path: { ...path, number: draft.number } } });
    assert.deepEqual([expectData(200, applied).title, applied.data?.status], [TITLE, "published"]);
}

/** Never called: the compiler has to refuse each of these, or its silence about the others would mean nothing. */
export async function wrong(client: Tandem): Promise<void> {
    // @ts-expect-error There is no such path.
    await client.GET("/articles");
    // @ts-expect-error A post has content.
    await client.POST("/posts", { body: { title: "T" } });
    // @ts-expect-error A title is a text.
    await client.POST("/posts", { body: { title: 1, content: "x" } });
    // @ts-expect-error Roles are a closed vocabulary.
    await client.POST("/users/{user_id}/actions/set-role", { ...promotion, body: { role: "king" } });
    // @ts-expect-error A limit is a number.
    await client.GET("/posts", { params: { query: { limit: "10" } } });
}

const admin = createTandem(baseUrl, { token: adminToken });
const [author, writer] = await join("typed_author");
const [, reader] = await join("typed_reader");
const promotion = { params: { path: { user_id: author } }, body: { role: "author" as const } };
assert.equal(expectData(200, await admin.POST("/users/{user_id}/actions/set-role", promotion)).role, "author");
const [post, media] = await draftWithPicture(writer);
await publish(writer, reader, post);
const comment = await discuss(reader, admin, post);
await find(reader, post);
await readByKey(writer);
await reviseAndGoBack(writer, post);
const params = { path: { slug_or_id: post.id } };
const archived = expectData(200, await writer.POST("/posts/{slug_or_id}/actions/archive", { params }));
assert.equal(archived.status, "archived");
expectProblem(404, "urn:problem-type:tandem:not-found", await reader.GET("/posts/{slug_or_id}", { params }));
console.log(JSON.stringify({ post: post.id, media: media.id, comment: comment.id, author }));
