"""How the business reads what people write: text, countries, addresses of mail and numbers of telephones.

Every service that reads one of them reads it here, so that what identifies a lead in one is the same in another.
Pure: the tables ship with the libraries and beside the code.
"""
