// All that the blog knows of Tandem: public posts with their tags and pictures, and drafts by a preview token.
const SITE = import.meta.env.TANDEM_URL ?? 'http://127.0.0.1:8000';
const FIELDS = 'title,slug,excerpt,language,published_at,content_html,author,tags,featured_image';

type Named = { id: string; slug: string; name: string };
type Picture = { src: string; alt: string; srcset?: string; width?: number; height?: number };
export type Post = {
  title: string;
  slug: string;
  excerpt: string;
  language: string;
  published_at: string | null;
  html: string;
  author: string;
  tags: Named[];
  picture: Picture | null;
};

/** Return what the API has at a path, or null where it has nothing. */
async function read(path: string): Promise<any> {
  const response = await fetch(new URL(path, SITE));
  if (response.status === 404) return null;
  const body = await response.json();
  if (!response.ok) throw new Error(`${response.status} for ${path}: ${body.detail}`);
  return body;
}

let kept: Promise<Post[]> | undefined;

/** Return all public posts, the newest first. A build asks once for all pages. */
export function allPosts(): Promise<Post[]> {
  return import.meta.env.PROD ? (kept ??= readPosts()) : readPosts();
}

async function readPosts(): Promise<Post[]> {
  const posts: Promise<Post>[] = [];
  let next = `/api/v2/posts?sort=-published_at&limit=50&fields=${FIELDS}&include=author,tags`;
  while (next) {
    const { data, included, page } = await read(next);
    const named = new Map([...included.authors, ...included.tags].map((one) => [one.id, one]));
    posts.push(...data.map((row: any) => toPost(row, named)));
    next = page.next; // a path with the cursor in it; null on the last page
  }
  return Promise.all(posts);
}

async function toPost(row: any, named: Map<string, any>): Promise<Post> {
  return {
    ...row,
    html: await withPictures(row.content_html),
    author: named.get(row.author).display_name,
    tags: row.tags.map((id: string) => named.get(id)),
    picture: row.featured_image && (await readPicture(row.featured_image)),
  };
}

/** Return a picture with its alternative text and the widths that Tandem makes of it. */
async function readPicture(id: string): Promise<Picture | null> {
  const media = await read(`/api/v2/media/${id}`);
  if (!media?.width) return null;
  const widths = [320, 640, 1280].filter((width, i, all) => i === 0 || all[i - 1] < media.width);
  const sources = widths.map(
    (width) => `${SITE}${media.links.renditions[`width-${width}`]} ${Math.min(width, media.width)}w`,
  );
  const { alt_text: alt, width, height } = media;
  return { src: SITE + media.links.content, alt, srcset: sources.join(', '), width, height };
}

/** Give pictures in a text their sizes, and let addresses lead to Tandem. */
async function withPictures(html: string): Promise<string> {
  const found = html.matchAll(/<img src="\/api\/v\d\/media\/([0-9a-f-]{36})\/content"/g);
  for (const [tag, id] of found) {
    const picture = await readPicture(id);
    if (!picture) continue;
    const { src, srcset, width, height } = picture;
    const sized = `<img src="${src}" srcset="${srcset}" sizes="${SIZES}" width="${width}" height="${height}"`;
    html = html.replace(tag, `${sized} loading="lazy"`);
  }
  return html.replace(/(src|href)="\/(?=(api|previews)\/)/g, `$1="${SITE}/`);
}

/** The column of text: 42rem, or the window with its margins. */
export const SIZES = '(min-width: 44.5rem) 42rem, calc(100vw - 2.5rem)';

/** Return the post that a preview link shows, or null once the link has ended. */
export async function previewedPost(token: string): Promise<Post | null> {
  const path = `/previews/${encodeURIComponent(token)}`;
  const row = token && (await read(`/api/v2${path}`));
  if (!row) return null;
  const image = row.featured_image && { src: `${SITE}${path}/media/${row.featured_image}`, alt: '' };
  return { ...row, html: await withPictures(row.content_html), author: '', tags: [], picture: image };
}
