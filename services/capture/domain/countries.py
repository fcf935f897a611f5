"""Countries as people write them, for reading phone numbers that lack a country code."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_NAMES = """
AD Andorra;AE United Arab Emirates,UAE,Emirates;AF Afghanistan;AG Antigua & Barbuda;AI Anguilla;AL Albania
AM Armenia;AO Angola;AR Argentina;AS American Samoa;AT Austria,Österreich;AU Australia;AW Aruba;AX Åland Islands
AZ Azerbaijan;BA Bosnia & Herzegovina,Bosnia;BB Barbados;BD Bangladesh;BE Belgium,Belgique,België;BF Burkina Faso
BG Bulgaria;BH Bahrain;BI Burundi;BJ Benin;BM Bermuda;BN Brunei;BO Bolivia;BR Brazil,Brasil;BS Bahamas;BT Bhutan
BW Botswana;BY Belarus;BZ Belize;CA Canada;CD Democratic Republic of the Congo,DR Congo;CF Central African Republic
CG Congo,Republic of the Congo;CH Switzerland,Schweiz,Suisse,Svizzera;CI Côte d'Ivoire,Ivory Coast;CK Cook Islands
CL Chile;CM Cameroon;CN China;CO Colombia;CR Costa Rica;CU Cuba;CV Cape Verde;CW Curaçao;CY Cyprus
CZ Czech Republic,Czechia;DE Germany,Deutschland,Allemagne;DJ Djibouti;DK Denmark,Danmark;DM Dominica
DO Dominican Republic;DZ Algeria;EC Ecuador;EE Estonia;EG Egypt;EH Western Sahara;ER Eritrea;ES Spain,España
ET Ethiopia;FI Finland,Suomi;FJ Fiji;FK Falkland Islands;FM Micronesia;FO Faroe Islands;FR France;GA Gabon
GB United Kingdom,UK,Great Britain,Britain,England,Scotland,Wales,Northern Ireland;GD Grenada;GE Georgia
GF French Guiana;GG Guernsey;GH Ghana;GI Gibraltar;GL Greenland;GM Gambia;GN Guinea;GP Guadeloupe
GQ Equatorial Guinea;GR Greece;GT Guatemala;GU Guam;GW Guinea-Bissau;GY Guyana;HK Hong Kong;HN Honduras;HR Croatia
HT Haiti;HU Hungary;ID Indonesia;IE Ireland,Republic of Ireland;IL Israel;IM Isle of Man;IN India;IQ Iraq;IR Iran
IS Iceland;IT Italy,Italia;JE Jersey;JM Jamaica;JO Jordan;JP Japan;KE Kenya;KG Kyrgyzstan;KH Cambodia;KI Kiribati
KM Comoros;KN St Kitts & Nevis;KP North Korea;KR South Korea,Korea,Republic of Korea;KW Kuwait;KY Cayman Islands
KZ Kazakhstan;LA Laos;LB Lebanon;LC St Lucia;LI Liechtenstein;LK Sri Lanka;LR Liberia;LS Lesotho;LT Lithuania
LU Luxembourg;LV Latvia;LY Libya;MA Morocco,Maroc;MC Monaco;MD Moldova;ME Montenegro;MG Madagascar
MH Marshall Islands;MK North Macedonia,Macedonia;ML Mali;MM Myanmar,Burma;MN Mongolia;MO Macau
MP Northern Mariana Islands;MQ Martinique;MR Mauritania;MS Montserrat;MT Malta;MU Mauritius;MV Maldives;MW Malawi
MX Mexico,México;MY Malaysia;MZ Mozambique;NA Namibia;NC New Caledonia;NE Niger;NG Nigeria;NI Nicaragua
NL Netherlands,The Netherlands,Holland,Nederland;NO Norway,Norge;NP Nepal;NR Nauru;NU Niue;NZ New Zealand;OM Oman
PA Panama;PE Peru;PF French Polynesia;PG Papua New Guinea;PH Philippines;PK Pakistan;PL Poland,Polska
PM St Pierre & Miquelon;PR Puerto Rico;PS Palestine;PT Portugal;PW Palau;PY Paraguay;QA Qatar;RE Réunion;RO Romania
RS Serbia;RU Russia,Russian Federation;RW Rwanda;SA Saudi Arabia;SB Solomon Islands;SC Seychelles;SD Sudan
SE Sweden,Sverige;SG Singapore;SH St Helena;SI Slovenia;SK Slovakia;SL Sierra Leone;SM San Marino;SN Senegal
SO Somalia;SR Suriname;SS South Sudan;ST Sao Tome & Principe;SV El Salvador;SX St Maarten;SY Syria
SZ Eswatini,Swaziland;TC Turks & Caicos Islands;TD Chad;TG Togo;TH Thailand;TJ Tajikistan;TL East Timor,Timor-Leste
TM Turkmenistan;TN Tunisia;TO Tonga;TR Turkey,Türkiye;TT Trinidad & Tobago;TV Tuvalu;TW Taiwan;TZ Tanzania
UA Ukraine;UG Uganda;US United States,USA,United States of America,America;UY Uruguay;UZ Uzbekistan
VA Vatican City;VC St Vincent;VE Venezuela;VG British Virgin Islands;VI US Virgin Islands;VN Vietnam,Viet Nam
VU Vanuatu;WS Samoa;XK Kosovo;YE Yemen;YT Mayotte;ZA South Africa;ZM Zambia;ZW Zimbabwe
"""
"""ISO 3166-1 codes (and XK, in use for Kosovo) with common names, for countries that have telephone numbers."""

_NOT_A_LETTER = re.compile(r"[^a-z]+")


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold().replace("&", "and"))
    return _NOT_A_LETTER.sub("", plain)


def _read(table: str) -> dict[str, str]:
    regions = {}
    for entry in table.strip().replace("\n", ";").split(";"):
        code, names = entry.split(" ", 1)
        regions[_folded(code)] = code
        regions.update((_folded(name), code) for name in names.split(","))
    return regions


_REGIONS = _read(_NAMES)


@lru_cache(maxsize=4_096)
def region_of(country: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country written as a code or a name; None when not recognised."""
    return _REGIONS.get(_folded(country))
