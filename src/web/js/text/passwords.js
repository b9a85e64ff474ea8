// Whether a password is too easy to guess, by the same rules as the commands of the server. Pure.

/** Characters of a password at least. */
const LEAST = 8;

/** What is tried first by whoever guesses, as in src/auth/common_passwords.txt of the server. */
const COMMON = new Set(`
password1 password2 password3 password7 password9 password01 password11 password12 password21
password22 password99 password123 password1234 password! passw0rd passw0rd1 passw0rd123 p@ssw0rd
p@ssword p4ssw0rd pa$$word password passpass pass1234 pass12345 pass123456 passport passwort
passwort1 passwort123 motdepasse contraseña contrasena mypassword thepassword nopassword
changeme changeme1 changeme123 changeit default1 default123 letmein1 letmein123 letmeinnow
opensesame trustno1 secret12 secret123 topsecret security access14 login123 username user1234
welcome1 welcome2 welcome01 welcome123 welcome1234 admin123 admin1234 admin12345 administrator
administrator1 root1234 rootroot toor1234 guest123 guestguest test1234 test12345 testtest
testtest1 testing1 testing123 server123 database raspberry ubuntu123 linux123 windows1 microsoft
chat1234 chatchat morelia1 morelia123 12345678 123456789 1234567890 12345678910 0123456789
01234567 012345678 87654321 987654321 9876543210 0987654321 123123123 321321321 12341234
11223344 1122334455 112233445566 123321123 12344321 123454321 1234554321 12121212 10101010
13131313 14141414 20002000 19841984 20202020 31415926 314159265 147258369 147852369 159357159
159753159 741852963 789456123 963852741 123654789 123456123 121212121 456456456 789789789
1234512345 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 1qazxsw2 q1w2e3r4 q1w2e3r4t5
q1q1q1q1 qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 qwerty123456 qwertyqwerty
qwerty777 qazwsxedc qazwsx123 qweasdzxc qweasd123 qweqweqwe qwe123qwe qwer1234 123qweasd
123qwe123 1234qwer 1234asdf 1234abcd zaq12wsx zaq1zaq1 zxcvbnm1 zxcvbnm123 zxcvbnmm zxcvbnm,
asdfghjk asdfghjkl asdf1234 asdfasdf asdasdasd asdfjkl; poiuytrewq mnbvcxz1 a1b2c3d4 a1s2d3f4
abcd1234 abc12345 abc123abc abc123456 abcdefgh abcdefg1 abcdefghi abcabcabc 123abc123 aa123456
aa12345678 a12345678 a123456789 qq123456 q1234567 z1234567 iloveyou iloveyou1 iloveyou2
iloveu123 ilovegod loveyou1 loveme123 lovelove sunshine sunshine1 princess princess1 football
football1 baseball baseball1 basketball superman superman1 spiderman batman123 starwars
starwars1 whatever whatever1 computer computer1 internet michelle jennifer jessica1 michael1
charlie1 jonathan jordan23 corvette mercedes maverick midnight mustang1 liverpool liverpool1
chelsea1 arsenal1 barcelona manchester juventus cheyenne victoria veronica patricia samantha
stephanie danielle nicholas benjamin christian alexander alexandra elizabeth isabella anthony1
matthew1 robert123 daniel123 thomas123 william1 andrew123 joshua123 master123 dragon123
monkey123 shadow123 killer123 google123 facebook facebook1 facebook123 instagram telegram
whatsapp youtube1 samsung1 samsung123 blink182 metallica metallica1 slipknot slipknot1 greenday
linkinpark pokemon1 pokemon123 naruto123 minecraft minecraft1 fortnite playstation nintendo
counterstrike rockstar rockstar1 hello123 hello1234 hellohello helloworld goodmorning butterfly
chocolate cookie123 cocacola strawberry sweetheart precious angel123 jesus123 jesuschrist
fuckyou1 fuckyou2 fuckyou123 asshole1 bullshit blahblah nothing1 babygirl babygirl1 beautiful
beautiful1 brooklyn california newyork1 america1 canada123 england1 germany1 summer123 winter123
spring123 autumn123 monday123 november december september hunter123 cheese123 purple123
flower123 family123 friends1 forever1 mickey123 parol123 parol1234 privet123 ghbdtn123 gfhjkm123
natasha1 natasha123 marina123 maksim123 nikita123 andrey123 sergey123 aleksandr aleksandra
vladimir svetlana anastasia ekaterina kristina spartak1 zenit123 lokomotiv kotenok1 solnishko
solnyshko lubov123 russia123 moscow123 ukraine1 йцукенгш йцукенгшщз йцукен123 йцукен12 пароль12
пароль123 парольпароль привет123 приветпривет любовь123 солнышко люблютебя наташа123 марина123
максим123 александр владимир фывапролд ячсмитьб
`.trim().split(/\s+/));

/** Returns `null`, or the key of the sentence that says why nobody should use this password. */
export function weakness(password) {
  const folded = password.normalize('NFKC').toLowerCase();
  if ([...password.normalize('NFC')].length < LEAST) return 'password.short';
  return COMMON.has(folded) || new Set(folded).size === 1 ? 'password.common' : null;
}
