// SPDX-License-Identifier: Apache-2.0
//
// Texts in many scripts, and how many tokens gpt-tokenizer (npm) says that they are: node tokens.mjs cl100k_base FILE
// writes [[text, count], ...] to FILE.
import { writeFileSync } from "node:fs"

const [encoding, file] = process.argv.slice (2)
const { encode } = await import (new URL (`node_modules/gpt-tokenizer/esm/encoding/${encoding}.js`, import.meta.url))

// The first article of the Universal Declaration of Human Rights, or its beginning.
const spoken = [
  "All human beings are born free and equal in dignity and rights. They're endowed with reason and conscience.",
  "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt.",
  "Tous les êtres humains naissent libres et égaux en dignité et en droits. L'homme n'est qu'un roseau.",
  "Todos los seres humanos nacen libres e iguales en dignidad y derechos. ¿Verdad? ¡Sí!",
  "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
  "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền.",
  "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. IĞDIR iğdır",
  "Allir menn eru bornir frjálsir og jafnir öðrum að virðingu og réttindum.",
  "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
  "Все люди рождаются свободными и равными в своём достоинстве и правах.",
  "Всі люди народжуються вільними і рівними у своїй гідності та правах.",
  "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
  "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. وقد وُهبوا عقلًا وضميرًا.",
  "تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند.",
  "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
  "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।",
  "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்.",
  "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులు.",
  "മനുഷ്യരെല്ലാവരും തുല്യാവകാശങ്ങളോടും അന്തസ്സോടും സ്വാതന്ത്ര്യത്തോടുംകൂടി ജനിച്ചിട്ടുള്ളവരാണ്.",
  "เราทุกคนเกิดมาอย่างอิสระ เราทุกคนมีความคิดและความเข้าใจเป็นของเราเอง",
  "ມະນຸດເກີດມາມີສິດເສລີພາບ ແລະສະເໝີໜ້າກັນ",
  "လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် မွေးဖွားလာသူများ ဖြစ်သည်။",
  "មនុស្សទាំងអស់ កើតមកមានសេរីភាព និងសមភាព ក្នុងផ្នែកសេចក្ដីថ្លៃថ្នូរនិងសិទ្ធិ។",
  "འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་ཆེ་མཐོངས།",
  "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
  "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心。",
  "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。ｶﾀｶﾅ",
  "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
  "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.",
  "Բոլոր մարդիկ ծնվում են ազատ ու հավասար իրենց արժանապատվությամբ ու իրավունքներով։",
  "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።",
  "ᎯᎠ ᏂᎦᏓ ᎠᏂᏴᏫ ᏂᎨᎫᏓᎸᎾ ᎠᎴ ᎤᏂᏠᏱ ᎤᎾᏕᎿ", "ᐃᓅᔪᓕᒫᑦ ᐊᓂᖅᑎᕆᔪᓕᒫᑦ ᐃᓅᓚᐅᕐᒪᑕ",
  "Ⅷ ½ ⁴⁵ ٣٤٥ १२३४५ 1234567 12,345.67 0x1F 3rd", "😀👍🏽👨‍👩‍👧‍👦🇳🇴 ✈️ e\u0301 n\u0303a ﬁ ﷺ ∑∫√≠ →←",
  "I'll SAY it's HE'D we'Re THEY'VE don't 's 'x ''", "a  b   c\t\td\n\n\n  e \n f\r\n\r\ng   ",
  "#include <stdio.h>\n\nint\nmain (void)\n{\n\treturn puts (\"Hello, world!\") < 0; // done\n}\n",
  '{"name": "alice", "content": [1, 2.5e-3, null, true], "url": "http://127.0.0.1:8080/v1?x=1&y=2#z"}',
  "The quick brown fox " .repeat (40), "=".repeat (100) + "-".repeat (33), " ".repeat (90) + "x", "aaaa".repeat (60), "",
]

// And by chance, the same each time (mulberry32): characters of a few scripts mixed with spaces and marks.
const scripts = [[0x20, 0x7e], [0xa0, 0x24f], [0x370, 0x3ff], [0x400, 0x4ff], [0x5d0, 0x5ea], [0x620, 0x6d3],
                 [0x904, 0x97f], [0xe01, 0xe3a], [0x10d0, 0x10fa], [0x1100, 0x11ff], [0x2000, 0x206f], [0x2100, 0x218b],
                 [0x2190, 0x22ff], [0x3040, 0x30ff], [0x4e00, 0x9fa5], [0xac00, 0xd7a3], [0xff01, 0xffdc], [0x1f300, 0x1f5ff],
                 [0x20000, 0x2a6d6], [0x9, 0xd]]
let state = 1
function chance (below) {
  state = (state + 0x6d2b79f5) | 0
  let z = Math.imul (state ^ (state >>> 15), 1 | state)
  z = (z + Math.imul (z ^ (z >>> 7), 61 | z)) ^ z
  return ((z ^ (z >>> 14)) >>> 0) % below
}
const drawn = []
for (let i = 0; i < 1500; i++) {
  const few = [0, 1, 2].map (() => scripts[chance (scripts.length)])
  let text = ""
  for (let size = 1 + chance (60); size > 0; size--) {
    const [first, last] = chance (4) ? few[chance (3)] : [0x20, 0x20]
    text += String.fromCodePoint (first + chance (last - first + 1))
  }
  drawn.push (text)
}

writeFileSync (file, JSON.stringify ([...spoken, ...drawn].filter (Boolean).map ((text) => [text, encode (text).length])))
console.log ("written")
