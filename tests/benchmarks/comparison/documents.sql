-- The documents of a shard: one row (unit_key, JSON) per unit that has a head.
-- Views: the frames of the shard and `categories`; macros: spaces(), as_of(), not_finite().

CREATE MACRO plain(x) AS nullif(trim(x, spaces()), '');
CREATE MACRO label(x) AS lower(coalesce(trim(x, spaces()), ''));
CREATE MACRO figure(x) AS nullif(x, not_finite());
CREATE MACRO money(x) AS figure(x)::DECIMAL(20, 0) * 0.01::DECIMAL(3, 2);
-- greatest() would read NULL as "the other one".
CREATE MACRO not_below_0(x) AS CASE WHEN x < 0 THEN 0 ELSE x END;
CREATE MACRO cents(x) AS round(x + 1e-7)::BIGINT;

WITH clients AS (
    SELECT u.unit_key, u.household_id, c.contact_id
    FROM units u JOIN contacts c ON c.contact_id = u.client_contact_id
    WHERE c.record_type = 'Contact' AND NOT c.is_deleted
),
spouses AS (
    SELECT k.unit_key, any_value(c.contact_id) AS contact_id
    FROM clients k
    JOIN members m ON m.household_id = k.household_id AND m.contact_id <> k.contact_id
    JOIN contacts c ON c.contact_id = m.contact_id
    WHERE label(m.role) IN ('husband', 'wife', 'spouse', 'domestic partner') AND NOT c.is_deceased AND NOT c.is_deleted
    GROUP BY k.unit_key
    HAVING count(*) = 1
),
owners AS (
    SELECT unit_key, contact_id, 'clientA' AS owner FROM clients
    UNION ALL
    SELECT unit_key, contact_id, 'clientB' FROM spouses
),
picked_addresses AS (
    SELECT contact_id, label(address_type) AS kind,
        {'line1': plain(line1), 'line2': plain(line2), 'city': plain(city), 'state': plain(state),
         'postalCode': plain(postal_code), 'country': plain(country)} AS address,
        coalesce(plain(line1), plain(line2), plain(city), plain(state), plain(postal_code), plain(country)) AS any_field
    FROM addresses
    QUALIFY row_number() OVER (PARTITION BY contact_id, kind ORDER BY is_preferred DESC, address_id) = 1
),
address_book AS (
    SELECT contact_id,
        any_value(address) FILTER (kind = 'residence') AS residence,
        any_value(address) FILTER (kind = 'business') AS business
    FROM picked_addresses WHERE any_field IS NOT NULL
    GROUP BY contact_id
),
picked_phones AS (
    SELECT contact_id, label(phone_type) AS kind, plain(number) || coalesce(' x' || plain(extension), '') AS number
    FROM phones
    QUALIFY row_number() OVER (PARTITION BY contact_id, kind ORDER BY is_preferred DESC, phone_id) = 1
),
phone_book AS (
    SELECT contact_id,
        any_value(number) FILTER (kind = 'home') AS home,
        any_value(number) FILTER (kind = 'mobile') AS mobile,
        any_value(number) FILTER (kind = 'fax') AS fax,
        any_value(number) FILTER (kind = 'business') AS business,
        any_value(number) FILTER (kind = 'business fax') AS business_fax
    FROM picked_phones GROUP BY contact_id
),
picked_emails AS (
    SELECT contact_id, plain(address) AS address
    FROM emails
    QUALIFY row_number() OVER (PARTITION BY contact_id ORDER BY is_preferred DESC, email_id) = 1
),
email_book AS (
    SELECT contact_id, address FROM picked_emails
    WHERE length(translate(address, spaces(), '')) = length(address) AND regexp_full_match(address, '[^@]+@[^@]+')
),
persons AS (
    SELECT o.unit_key, o.owner,
        {'firstName': plain(c.first_name), 'lastName': plain(c.last_name), 'birthDate': c.birth_date::VARCHAR,
         'gender': plain(c.gender), 'maritalStatus': plain(c.marital_status),
         'addressInfo': CASE WHEN o.owner = 'clientA' THEN a.residence END,
         'homePhone': CASE WHEN o.owner = 'clientA' THEN p.home END,
         'cellPhone': p.mobile,
         'fax': CASE WHEN o.owner = 'clientA' THEN p.fax END,
         'email': CASE WHEN o.owner = 'clientA' THEN e.address END,
         'employerName': plain(c.company), 'employerAddress': a.business, 'workPhone': p.business,
         'workFax': p.business_fax, 'jobTitle': plain(c.job_title),
         'income': {'annualSalary': money(coalesce(c.annual_salary, c.total_income))}} AS person
    FROM owners o
    JOIN contacts c USING (contact_id)
    LEFT JOIN address_book a USING (contact_id)
    LEFT JOIN phone_book p USING (contact_id)
    LEFT JOIN email_book e USING (contact_id)
),
people AS (
    SELECT unit_key,
        any_value(person) FILTER (owner = 'clientA') AS client_a,
        any_value(person) FILTER (owner = 'clientB') AS client_b
    FROM persons GROUP BY unit_key
),
holdings AS (
    SELECT account_id,
        list({'externalSourceId': 'position:' || position_id, 'ticker': plain(symbol),
              'holdingName': plain(product_name), 'holdingsValue': money(market_value)} ORDER BY position_id) AS holdings
    FROM positions GROUP BY account_id
),
assets AS (
    SELECT o.unit_key,
        {'externalSourceId': 'account:' || a.account_id, 'accountName': plain(a.account_name),
         'accountType': CASE
            WHEN label(a.how_held) = 'variable annuity' THEN 'Variable Annuity'
            ELSE coalesce(t.profiles_category, h.profiles_category,
                          CASE WHEN a.is_qualified THEN 'Other Retirement Account' ELSE 'Investment Account' END) END,
         'holdingsValue': money(a.account_value), 'cashBalance': money(a.loan_balance),
         'typeOfFund': coalesce(nullif(concat_ws(', ', CASE WHEN a.is_qualified THEN 'Qualified' END,
            CASE WHEN a.is_held_away THEN 'Held Away' END, CASE WHEN a.is_discretionary THEN 'Discretionary' END), ''),
            'Non-Qualified'),
         'owner': o.owner,
         'holdings': coalesce(p.holdings, [])} AS asset
    FROM owners o
    JOIN accounts a ON a.primary_contact_id = o.contact_id
    LEFT JOIN categories t ON t.list = 'Account Type' AND lower(t.value) = label(a.account_type)
    LEFT JOIN categories h ON h.list = 'How Held' AND lower(h.value) = label(a.how_held)
    LEFT JOIN holdings p USING (account_id)
    UNION ALL
    SELECT o.unit_key,
        {'externalSourceId': 'policy:' || p.policy_id, 'accountName': plain(p.carrier_name) || ' ' || plain(p.plan_name),
         'accountType': 'Fixed Annuity', 'holdingsValue': money(p.gross_cash_value), 'cashBalance': NULL,
         'typeOfFund': NULL, 'owner': o.owner, 'holdings': []}
    FROM owners o
    JOIN policies p ON p.primary_contact_id = o.contact_id
    WHERE label(p.insurance_type) = 'annuity' AND label(p.status) IN ('inforce', 'inforce, but not administered')
),
asset_lists AS (
    SELECT unit_key, list(asset ORDER BY asset.externalSourceId) AS assets FROM assets GROUP BY unit_key
),
terms AS (
    SELECT *,
        CASE WHEN figure(orig_loan_amount) >= 0 THEN figure(orig_loan_amount) / 1e2 END AS amount,
        figure(orig_interest_rate) / 1200e6 AS i,
        CASE WHEN figure(orig_balloon_period) <= 100000
             THEN round(figure(orig_balloon_period)::DECIMAL(20, 0) * 0.012::DECIMAL(6, 3)) END AS n,
        CASE WHEN orig_loan_date BETWEEN DATE '1900-01-01' AND as_of() THEN
            (year(as_of()) - year(orig_loan_date)) * 12 + month(as_of()) - month(orig_loan_date)
            - CASE WHEN day(as_of()) < least(day(orig_loan_date), day(last_day(as_of()))) THEN 1 ELSE 0 END END AS k
    FROM liabilities
),
payments AS (
    SELECT *,
        CASE WHEN orig_monthly_payment IS NOT NULL THEN figure(orig_monthly_payment) / 1e2
             WHEN n <= 0 THEN NULL
             WHEN i = 0 THEN amount / n
             ELSE amount * i / (1 - pow(1 + i, -n)) END AS pay
    FROM terms
),
balances AS (
    SELECT *,
        not_below_0(CASE WHEN i = 0 THEN amount - k * pay
                         ELSE amount * pow(1 + i, k) - pay * (pow(1 + i, k) - 1) / i END) AS computed_balance
    FROM payments
),
sent AS (
    SELECT primary_contact_id, liability_id, lender, loan_number, account_name, payment_method,
        CASE WHEN NOT calculate THEN figure(orig_loan_amount)
             WHEN loan_balance IS NOT NULL THEN figure(loan_balance)
             WHEN computed_balance < 1e16 THEN cents(computed_balance * 100) END AS balance,
        figure(CASE WHEN calculate THEN coalesce(interest_rate, orig_interest_rate) ELSE orig_interest_rate END) AS rate,
        CASE WHEN calculate AND monthly_payment IS NOT NULL THEN figure(monthly_payment)
             WHEN abs(pay) < 1e16 THEN cents(pay * 100) END AS payment,
        CASE WHEN NOT calculate THEN figure(orig_balloon_period)
             WHEN balloon_period IS NOT NULL THEN figure(balloon_period)
             ELSE cents(not_below_0(n::BIGINT - k) * 1000 / 12) END AS years
    FROM balances
),
liability_lists AS (
    SELECT o.unit_key,
        list({'externalSourceId': 'liability:' || s.liability_id,
              'liabilityName': coalesce(plain(s.lender), plain(s.loan_number), plain(s.account_name)),
              'owner': o.owner, 'paymentMethod': plain(s.payment_method), 'currentBalance': money(s.balance),
              'remainingYears': s.years::DECIMAL(20, 0) * 0.001::DECIMAL(4, 3),
              'annualInterestRate': s.rate::DECIMAL(20, 0) * 0.000001::DECIMAL(7, 6),
              'scheduledMonthlyPayment': money(s.payment)} ORDER BY 'liability:' || s.liability_id) AS liabilities
    FROM owners o JOIN sent s ON s.primary_contact_id = o.contact_id
    GROUP BY o.unit_key
)
SELECT p.unit_key,
    to_json({'clientA': p.client_a, 'clientB': p.client_b, 'assets': coalesce(a.assets, []),
             'liabilities': coalesce(l.liabilities, [])})::VARCHAR AS document
FROM people p LEFT JOIN asset_lists a USING (unit_key) LEFT JOIN liability_lists l USING (unit_key);
