"""Words to sing: plain words in random order, as many syllables as a phrase needs."""

import re

import numpy as np

WORDS: dict[str, str] = {
    "en": (
        "a the my your our this that I you we they he she it and but so when if now "
        "in on to of for with from by over under all no not never always only again "
        "love heart night day light fire rain sun moon star sky sea river road home "
        "hand eye face name time life mind soul dream song word voice world town door "
        "window summer winter morning evening shadow water stone flower mountain "
        "ocean train wheel street city mother father brother sister baby honey lady "
        "go come run walk fall rise turn burn hold feel know see hear say tell call "
        "want need wait stay leave lose find break take give make keep dance sing cry "
        "shine fly breathe believe remember forget follow wonder is are was were can "
        "will would could do did been gone blue red black white cold warm high low "
        "deep long old young new wild free sweet lonely broken golden better easy "
        "away tonight tomorrow yesterday forever together alone inside around back "
        "down up out here there where why how oh yeah hey whoa"
    ),
    "it": (
        "la il una mia tua sera notte luna sole mare vento fuoco terra cielo stella "
        "mano vita amore cuore strada voce nome casa sogno mondo tempo rosa fiore "
        "bella dolce sola nuova vera piano ancora sempre mai dove come quando ora "
        "canta balla vola torna resta vedo sento voglio posso dimmi lasciami amami "
        "con per senza nella sulla verso fino e ma se non che lei noi io tu domani"
    ),
    "es": (
        "la el una mi tu noche luna sol mar viento fuego tierra cielo estrella mano "
        "vida amor camino voz nombre casa mundo tiempo rosa flor bella dulce sola "
        "nueva siempre nunca donde como cuando ahora canta baila vuela vuelve quiero "
        "puedo dime con por sin sobre hasta y pero si no que ella yo corazon lluvia"
    ),
    "pt": (
        "a o uma minha noite lua sol mar vento fogo terra estrela vida amor caminho "
        "voz nome casa mundo tempo rosa flor bela doce nova sempre nunca onde como "
        "quando agora canta brinca voa volta quero posso com por sem sobre e mas se "
        "ela eu saudade cidade menina"
    ),
    "fr": (
        "la le une ma ta nuit lune soleil mer vent feu terre ciel main vie amour "
        "chemin voix nom maison monde temps rose fleur belle douce seule toujours "
        "jamais quand chante danse vole reviens je tu nous elle avec pour sans sur "
        "et mais si oui encore demain matin"
    ),
    "de": (
        "die der eine meine nacht mond sonne meer wind feuer erde himmel hand leben "
        "liebe weg stimme name haus welt zeit rose blume allein immer nie wo wie "
        "wann jetzt singt tanzt fliegt komm ich du wir sie mit ohne bis und aber "
        "wenn nicht morgen wasser schatten licht"
    ),
    "sv": (
        "en min din natt sol hav vind eld jord himmel hand liv hus tid ros blomma "
        "ensam alltid aldrig var hur nu sjunger dansar flyger kom jag du vi hon med "
        "utan till och men om inte morgon vatten ljus stad dag"
    ),
    "pl": (
        "noc morze wiatr ziemia niebo reka droga dom czas kwiat sama zawsze nigdy "
        "gdzie jak kiedy teraz ja ty my ona bez do i ale nie rano woda miasto dzien "
        "serce lato zima"
    ),
    "cs": (
        "noc more vitr zeme nebe ruka cesta doma kvet sama nikdy kde jak kdy ja ty "
        "ona bez do a ale ne rano voda mesto den leto zima slunce hora reka pole "
        "laska hudba"
    ),
    "fi": (
        "ja on ei se me te he nyt kun jos vain aina taas kuu tuli meri tuuli maa "
        "taivas tie koti aika kukka ilta aamu vesi valo sana nimi talo metsa laulu "
        "kesa talvi sade lintu ranta kaupunki muista tule mene katso kuule odota"
    ),
}

HOLLERS = ("oh", "ah", "hey", "yeah", "whoa", "ooh", "la", "na")
_VOWELS = re.compile(r"[aeiouy]+")


def n_syllables(text: str) -> int:
    """Guesses how many syllables a text has, at least one a word."""
    return sum(max(1, _count(word)) for word in text.lower().split())


def _count(word: str) -> int:
    silent = word.endswith("e") and not word.endswith(("le", "ee")) and len(word) > 3
    return len(_VOWELS.findall(word)) - silent


def sentence(rng: np.random.Generator, language: str, n: int) -> str:
    """Draws words of about `n` syllables in all."""
    words, chosen, left = WORDS[language].split(), [], n
    if rng.random() < 0.06:  # la la la
        return " ".join([str(rng.choice(HOLLERS))] * n)
    while left > 0:
        word = str(rng.choice(words))
        if n_syllables(word) <= max(left, 1) or rng.random() < 0.1:
            chosen.append(word)
            left -= n_syllables(word)
    return " ".join(chosen)
