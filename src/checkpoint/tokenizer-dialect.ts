import { isObject, type JsonObject, quote } from './json.ts';

/**
 * The JavaScript tokenizer library departs from the reference (the Rust crate `tokenizers`) in some components. Each
 * of these is rewritten here into other components of the same library that do what the reference does; what cannot
 * be rewritten and would silently give other ids is refused. Known to remain: BERT's clean-up goes by JavaScript's
 * current Unicode, the reference's by Unicode 8, which differ in 658 rare characters; and Precompiled is the library's
 * approximation (no architecture here uses it).
 *
 * @param json a tokenizer.json; not changed
 * @throws Error naming the component that cannot be represented
 */
export function adaptDefinition(json: JsonObject): JsonObject {
  return {
    ...json,
    added_tokens: json.added_tokens ?? [],
    normalizer: adaptNormalizer(json.normalizer ?? null),
    pre_tokenizer: adaptPreTokenizer(json.pre_tokenizer ?? null),
    post_processor: json.post_processor ?? null,
    decoder: adaptDecoder(json.decoder ?? null),
    model: adaptModel(json.model),
  };
}

/** Old files name no type; the library would take any other name for a model that looks up whole words. */
function adaptModel(model: unknown): unknown {
  if (!isObject(model)) return model;
  const type = model.type ?? (Array.isArray(model.vocab) ? 'Unigram' : model.merges ? 'BPE' : 'WordPiece');
  if (!['BPE', 'Unigram', 'WordPiece'].includes(String(type))) {
    throw new Error(`model ${quote(String(type))} is not supported`);
  }
  return { ...model, type };
}

/** GPT-2's own pattern. */
const byteLevelPattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
/** The planes beyond the basic one, of which the library sees only surrogate halves. */
const farIdeographs = String.raw`[\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}\x{2B740}-\x{2B81F}\x{2B920}-\x{2CEAF}\x{2F800}-\x{2FA1F}]`;
/** \w as the reference's own components mean it, not as its patterns from files do. */
const word = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200C\u200D`;
const punctuation = String.raw`\p{P}\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E`;

function adaptNormalizer(node: unknown): unknown {
  if (!isObject(node)) return node;
  switch (node.type) {
    case 'Sequence':
      return { ...node, normalizers: list(node.normalizers).map(adaptNormalizer) };
    case 'Replace':
      return { ...node, content: literal(node.content) };
    case 'Lowercase':
      return { type: 'Sequence', normalizers: [lowerSigma, node] };
    case 'BertNormalizer': {
      const before: JsonObject[] = [];
      if (node.handle_chinese_chars === true) {
        before.push({ type: 'Replace', pattern: { Regex: farIdeographs }, content: ' $& ' });
      }
      if (node.lowercase === true) before.push(lowerSigma);
      return { type: 'Sequence', normalizers: [...before, node] };
    }
    default:
      return node;
  }
}

/** JavaScript lowers a word's last capital sigma to its final form; the reference lowers letter by letter. */
const lowerSigma: JsonObject = { type: 'Replace', pattern: { String: 'Σ' }, content: 'σ' };

function adaptPreTokenizer(node: unknown): unknown {
  if (!isObject(node)) return node;
  switch (node.type) {
    case 'Sequence':
      return { ...node, pretokenizers: list(node.pretokenizers).map(adaptPreTokenizer) };
    case 'ByteLevel': {
      if (node.use_regex === false) return node;
      // The library's own pattern uses JavaScript's \s, which has U+FEFF and lacks U+0085.
      const steps: JsonObject[] = [
        { type: 'Split', pattern: { Regex: byteLevelPattern }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
      ];
      if (node.add_prefix_space !== false) {
        steps.unshift({ type: 'Replace', pattern: { Regex: String.raw`\A[^ ]` }, content: ' $&' });
      }
      return { type: 'Sequence', pretokenizers: steps };
    }
    case 'Metaspace': {
      if (node.split === false) return node;
      // The library joins the replacement characters but never splits at them.
      const mark = escapePattern(typeof node.replacement === 'string' ? node.replacement : '▁');
      return { type: 'Sequence', pretokenizers: [node, matches(`${mark}?[^${mark}]+|${mark}`)] };
    }
    // The library's \w, \d and \s know ASCII only in the next four.
    case 'Digits':
      return matches(node.individual_digits === true ? String.raw`\p{N}|\P{N}+` : String.raw`\p{N}+|\P{N}+`);
    case 'Whitespace':
      return matches(`[${word}]+|[^${word}\\s]+`);
    case 'WhitespaceSplit':
      return matches(String.raw`\S+`);
    case 'Punctuation':
      refuseBehavior(node);
      // Isolated is a mark alone; the library keeps a run of marks together.
      return matches(`[${punctuation}]|[^${punctuation}]+`);
    case 'Split':
      refuseBehavior(node);
      // Isolated keeps matches and what is between them, inverted or not; the library would drop what is between.
      return node.behavior === 'Isolated' ? { ...node, invert: false } : node;
    default:
      return node;
  }
}

function adaptDecoder(node: unknown): unknown {
  if (!isObject(node)) return node;
  if (node.type === 'Sequence') return { ...node, decoders: list(node.decoders).map(adaptDecoder) };
  return node.type === 'Replace' ? { ...node, content: literal(node.content) } : node;
}

/** A pre-tokenizer that keeps exactly the matches. */
function matches(pattern: string): JsonObject {
  return { type: 'Split', pattern: { Regex: pattern }, behavior: 'Removed', invert: true };
}

function refuseBehavior(node: JsonObject): void {
  const allowed = node.type === 'Split' ? ['Isolated', 'Removed'] : ['Isolated', undefined];
  if (!allowed.includes(node.behavior as string | undefined)) {
    throw new Error(`pre-tokenizer ${node.type} with behavior ${String(node.behavior)} is not supported`);
  }
}

/** `$` is special in JavaScript's replacement texts and nowhere in the reference's. */
function literal(content: unknown): unknown {
  return typeof content === 'string' ? content.replaceAll('$', '$$$$') : content;
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\-]/g, '\\$&');
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Error('expected an array in a Sequence');
  return value;
}
